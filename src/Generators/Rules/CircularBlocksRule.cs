using Marrow.Generators.Diagnostics;
using Marrow.Generators.Declarations;

namespace Marrow.Generators.Rules;

/// <summary>MRW005: a model cannot contain itself, directly or through its blocks.</summary>
internal static class CircularBlocksRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        foreach (var block in check.Type.Layers.OfType<BlockSpec>())
        {
            if (Path(check.Closure, block.TypeKey, check.Type.Key, []) is { } path)
            {
                var names = new[] { check.Type.Name }.Concat(path.Select(key => check.Closure.Find(key)!.Name));
                yield return new(
                    DiagnosticIds.CircularBlocks,
                    new Site.Attribute(block.Property.Name, block.Property.Attribute),
                    $"Blocks contain each other: {string.Join(" → ", names)}");
            }
        }
    }

    /// <summary>
    /// The models from <paramref name="from"/> to <paramref name="to"/> along blocks and bases, or null.
    /// </summary>
    private static IReadOnlyList<string>? Path(ModelClosure closure, string? from, string to, HashSet<string> seen)
    {
        if (closure.Find(from) is not { } type || !seen.Add(type.Key))
        {
            return null;
        }

        if (closure.Lineage(type).Any(ancestor => ancestor.Key == to))
        {
            return [to];
        }

        return closure.Lineage(type)
            .SelectMany(ancestor => ancestor.Layers.OfType<BlockSpec>())
            .Select(block => Path(closure, block.TypeKey, to, seen))
            .Where(rest => rest is not null)
            .Select(rest => (IReadOnlyList<string>)[type.Key, .. rest!])
            .FirstOrDefault();
    }
}
