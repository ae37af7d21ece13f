using System.Globalization;

namespace Marrow.Shared;

/// <summary>
/// Which numbers of bits the quantizers have. Each answers null, or one sentence that says what is wrong. Compiled into
/// the generator and the runtime alike.
/// </summary>
internal static class QuantizerBits
{
    /// <summary>Weights: 2 to 8; LSQ has 1 too, StatsQ does not, because n = 2^(bits − 1) must be even.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Weights(long bits, bool isLsq) => bits >= (isLsq ? 1 : 2) && bits <= 8
        ? null
        : bits == 0 ? "[Quantize] needs Bits, 2 to 8"
        : Text($"[Quantize] Bits {bits} is not in {(isLsq ? 1 : 2)} to 8")
            + (bits == 1 ? "; with 1 bit use Weights = WeightQuantizer.Lsq" : "");

    /// <summary>Activations, and the ends: 2 to 8, or 0 for none.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? OrNone(string option, long bits) =>
        bits is 0 or (>= 2 and <= 8) ? null : Text($"[Quantize] {option} {bits} is not in 2 to 8; 0 is none");

    /// <summary>
    /// Activations that are known only when the model is constructed: the layer's code is written for some.
    /// </summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Activations(long bits) => bits is 0
        ? "[Quantize] the activations' bits are 0 at run time, but the layer was written to quantize them; to leave "
            + "them as they are, write 0 as a constant"
        : OrNone("Activations", bits) is null ? null : Text($"[Quantize] Activations {bits} is not in 2 to 8");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
