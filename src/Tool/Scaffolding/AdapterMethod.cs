using Marrow.Language;

namespace Marrow.Tool.Scaffolding;

/// <summary>Ways to fine-tune, by their names on the command line.</summary>
internal static class AdapterMethod
{
    /// <summary>The block size and the rank that hold if none is given; those of the attributes.</summary>
    public const int StandardBlock = 64, StandardRank = 8;

    /// <summary>Makes the attribute of adapters of a block size and a rank; null: every weight trains.</summary>
    public static IReadOnlyDictionary<string, Func<int, int, Attribute>?> All { get; } =
        FineTuningMethod.All.ToDictionary(
            method => method.Name == "bone-row" ? "bone" : method.Name,
            method => method.Create is { } create
                ? (Func<int, int, Attribute>?)((block, rank) => create(new(block, rank)))
                : null);
}
