using System.Globalization;

namespace Marrow.Tool.Inspection;

/// <summary>Names in the order of a reader: <c>layers.2</c> before <c>layers.10</c>.</summary>
internal sealed class NaturalOrder : IComparer<string>
{
    public static readonly NaturalOrder Instance = new();

    private static readonly StringComparer Numeric =
        StringComparer.Create(CultureInfo.InvariantCulture, CompareOptions.NumericOrdering);

    /// <inheritdoc/>
    public int Compare(string? x, string? y) =>
        Numeric.Compare(x, y) is var order and not 0 ? order : string.CompareOrdinal(x, y);
}
