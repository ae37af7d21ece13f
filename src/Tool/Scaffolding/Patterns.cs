using System.Globalization;
using Marrow.Shared;

namespace Marrow.Tool.Scaffolding;

/// <summary>Short patterns that mean exactly some of a model's layers.</summary>
internal static class Patterns
{
    /// <summary>Patterns joined by <c>|</c>, as Targets and Train take them.</summary>
    /// <param name="wanted">The layers that are meant.</param>
    /// <param name="all">All that patterns may meet, and whether they are linear and no head.</param>
    /// <param name="isAlone">Whether leaving patterns out means every inner one.</param>
    /// <returns>Null: leave them out.</returns>
    public static string? Of(
        IReadOnlyCollection<string> wanted, IReadOnlyList<(string Name, bool IsInner)> all, bool isAlone = false)
    {
        var set = wanted.ToHashSet();
        if (isAlone && set.SetEquals(all.Where(layer => layer.IsInner).Select(layer => layer.Name)))
        {
            return null;
        }

        var names = all.Select(layer => layer.Name).ToList();
        return new[] { ByEnding(set, names, parts: 1), ByBlock(set, all), [.. wanted] }
            .Where(patterns => Means(patterns, set, all))
            .Select(patterns => string.Join('|', patterns))
            .MinBy(text => text.Length);
    }

    /// <summary>Endings that only wanted names have, as short as they can be.</summary>
    private static List<string> ByEnding(HashSet<string> wanted, IReadOnlyList<string> all, int parts) =>
    [
        .. all.GroupBy(name => Ending(name, parts)).SelectMany(group =>
            !group.Any(wanted.Contains) ? []
            : group.All(wanted.Contains) ? [group.All(name => name == group.Key) ? group.Key : $"*.{group.Key}"]
            : ByEnding(wanted, [.. group], parts + 1)),
    ];

    /// <summary>A pattern for each numbered block that is wanted whole; others by their endings in it.</summary>
    private static List<string> ByBlock(HashSet<string> wanted, IReadOnlyList<(string Name, bool IsInner)> all) =>
    [
        .. all.GroupBy(layer => Block(layer.Name)).SelectMany(block =>
        {
            var inner = block.Where(layer => layer.IsInner).Select(layer => layer.Name).ToList();
            var meant = block.Select(layer => layer.Name).Where(wanted.Contains).ToList();
            return meant.Count == 0 ? []
                : block.Key.Length > 0 && inner.Count > 0 && inner.ToHashSet().SetEquals(meant) ? [$"{block.Key}.*"]
                : ByEnding(wanted, [.. block.Select(layer => layer.Name)], parts: 1).Select(pattern =>
                    block.Key.Length > 0 && pattern.StartsWith('*') ? block.Key + pattern.Insert(0, ".") : pattern);
        }),
    ];

    private static bool Means(
        IReadOnlyList<string> patterns, HashSet<string> wanted, IReadOnlyList<(string Name, bool IsInner)> all)
    {
        var text = string.Join('|', patterns);
        return all.All(layer => wanted.Contains(layer.Name) == (layer.IsInner
            ? LayerTargets.Match(text, layer.Name)
            : LayerTargets.Name(text, null, layer.Name)));
    }

    private static string Ending(string name, int parts)
    {
        var all = name.Split('.');
        return string.Join('.', all[Math.Max(0, all.Length - parts)..]);
    }

    /// <summary>A name up to its first number: <c>model.layers.3</c>; empty if it has none.</summary>
    private static string Block(string name)
    {
        var parts = name.Split('.');
        var number = Array.FindIndex(
            parts, part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _));
        return string.Join('.', parts[..(number + 1)]);
    }
}
