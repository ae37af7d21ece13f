using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>What an attention is to be.</summary>
/// <param name="Name">Name from the model's root.</param>
/// <param name="Dim">Width of the input.</param>
/// <param name="Heads">Number of heads.</param>
/// <param name="HasQkvBias">Whether queries, keys and values have a bias.</param>
/// <param name="Window">Edge of a window, or 0.</param>
/// <param name="Shift">By how much the windows are shifted.</param>
/// <param name="Tokens">Number of tokens, or null.</param>
/// <param name="Dtype">Type of the parameters.</param>
/// <param name="Device">Device of the parameters.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record AttentionSite(
    string Name, long Dim, long Heads, bool HasQkvBias, long Window, long Shift, long? Tokens, ScalarType Dtype,
        Device Device)
{
    /// <summary>
    /// Positions that attend to each other: those of a window, or all tokens; null if that is not known.
    /// </summary>
    public long? Positions => Window > 0 ? Window * Window : Tokens;

    /// <summary>The positions, which quantizers of activations need.</summary>
    /// <exception cref="ArgumentException">They are not known.</exception>
    public long RequirePositions() => Positions ?? throw new ArgumentException(
        $"Attention '{Name}' has quantized activations, with a step for each token, but [Attention] does not say how "
        + "many Tokens there are.");
}
