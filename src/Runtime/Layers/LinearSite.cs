using System.ComponentModel;
using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>What a linear layer is to be: decided by the builder, handed to the layer's constructor.</summary>
/// <param name="Name">Name from the model's root.</param>
/// <param name="InFeatures">Features of the input.</param>
/// <param name="OutFeatures">Features of the output.</param>
/// <param name="HasBias">Whether a bias is added.</param>
/// <param name="Tokens">Number of positions of the input, or null.</param>
/// <param name="PositiveInput">Whether the input is mostly positive.</param>
/// <param name="Dtype">Type of the parameters.</param>
/// <param name="Device">Device of the parameters.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record LinearSite(
    string Name, long InFeatures, long OutFeatures, bool HasBias, long? Tokens, bool PositiveInput, ScalarType Dtype,
        Device Device)
{
    /// <summary>What the weight starts with; null: PyTorch's values.</summary>
    public Initialization? Init { get; init; }

    /// <summary>The first weight [out, in].</summary>
    internal Tensor InitialWeight(ScalarType dtype) => Init is { } init
        ? Initial.Of(init, [OutFeatures, InFeatures], dtype, Device)
        : Initial.Uniform([OutFeatures, InFeatures], 1 / Math.Sqrt(InFeatures), dtype, Device);

    /// <summary>The first bias [out].</summary>
    internal Tensor InitialBias() =>
        Initial.Uniform([OutFeatures], Init is null ? 1 / Math.Sqrt(InFeatures) : 0, Dtype, Device);

    /// <summary>Refuses sizes that an adapter cannot have.</summary>
    /// <exception cref="ArgumentException">There is an error.</exception>
    internal void Require(string? error)
    {
        if (error is not null)
        {
            throw new ArgumentException(error + ".");
        }
    }

    /// <summary>The failure of a site whose shape the emitted code does not know, which regenerating mends.</summary>
    public InvalidOperationException NotPlanned() => new(
        $"Layer '{Name}' is {InFeatures} → {OutFeatures}, a shape that was not there when the model's code was "
        + "emitted; rebuild the project.");
}
