using System.Globalization;

namespace Marrow.Shared;

/// <summary>
/// The size rules of the adapters, each a sentence or null. Compiled into the generator, which reports them while
/// the sizes are constants, and into the runtime, which throws them when a model of run-time sizes is built.
/// </summary>
internal static class AdapterSizes
{
    /// <summary>Bone row and column: the block must divide both sizes.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? BlockDividesBoth(string layer, long blockSize, long inFeatures, long outFeatures)
    {
        if (blockSize < 1)
        {
            return Text($"[Bone] BlockSize {blockSize} at layer '{layer}' is not positive");
        }

        if (inFeatures % blockSize == 0 && outFeatures % blockSize == 0)
        {
            return null;
        }

        var (size, features) = inFeatures % blockSize != 0 ? (inFeatures, "input") : (outFeatures, "output");
        var nearest = string.Join(" and ", NearestDivisors(blockSize, Gcd(inFeatures, outFeatures)));
        return Text($"[Bone] BlockSize {blockSize} does not divide the {size} {features} features of layer '{layer}'; ")
            + $"nearest sizes that divide both: {nearest}";
    }

    /// <summary>Bone free and mini: any positive block will do, the input is padded.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? BlockIsPositive(string layer, long blockSize) =>
        blockSize < 1 ? Text($"[Bone] BlockSize {blockSize} at layer '{layer}' is not positive") : null;

    /// <summary>Bone mini: the repeated columns must fill the output.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? MiniRankDivides(string layer, long miniRank, long outFeatures) =>
        miniRank >= 1 && outFeatures % miniRank == 0
            ? null
            : miniRank < 1
                ? Text($"[Bone] MiniRank {miniRank} at layer '{layer}' is not positive; the Mini form needs it")
                : Text($"[Bone] MiniRank {miniRank} does not divide the {outFeatures} output features of ")
                    + $"layer '{layer}'; nearest sizes that do: "
                    + string.Join(" and ", NearestDivisors(miniRank, outFeatures));

    /// <summary>
    /// LoRA and DoRA: 1 to the smaller size; to half of it where A and B start from different triples (LoRA-GA).
    /// </summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? RankFits(
        string layer, string attribute, long rank, long inFeatures, long outFeatures, bool needsTwice = false)
    {
        var most = Math.Min(inFeatures, outFeatures) / (needsTwice ? 2 : 1);
        return rank >= 1 && rank <= most
            ? null
            : Text($"[{attribute}] Rank {rank} at layer '{layer}' is not in 1 to {most}, {(needsTwice ? "half " : "")}")
                + Text($"the smaller of its {inFeatures} input and {outFeatures} output features");
    }

    /// <summary>Attention: the heads share the width equally.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? HeadsDivide(string layer, long heads, long dim) => heads < 1 || dim % heads == 0
        ? null
        : Text($"The {heads} heads of layer '{layer}' do not divide its dimension {dim}; ")
            + $"nearest counts that do: {string.Join(" and ", NearestDivisors(heads, dim))}";

    /// <summary>A layer size must be positive.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Positive(string layer, string size, long value) =>
        value >= 1 ? null : Text($"{size} of layer '{layer}' is {value}; it must be positive");

    /// <summary>Counts of copies: 0 or more.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? NotNegative(string layer, string size, long value) =>
        value >= 0 ? null : Text($"{size} of layer '{layer}' is {value}; it must not be negative");

    /// <summary>
    /// The divisors of <paramref name="number"/> next to <paramref name="wanted"/>, below and above. All divisors of
    /// numbers below 2³² are found, of larger ones those with a factor below 2¹⁶.
    /// </summary>
    public static IReadOnlyList<long> NearestDivisors(long wanted, long number)
    {
        long? below = null, above = null;
        for (long low = 1; low <= 1 << 16 && low * low <= number; low++)
        {
            if (number % low == 0)
            {
                Take(low);
                Take(number / low);
            }
        }

        return [.. new[] { below, above }.Where(size => size is not null).Select(size => size!.Value)];

        void Take(long divisor)
        {
            if (divisor <= wanted)
            {
                below = Math.Max(below ?? 0, divisor);
            }
            else
            {
                above = Math.Min(above ?? long.MaxValue, divisor);
            }
        }
    }

    /// <summary>Greatest common divisor of two positive numbers.</summary>
    public static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
