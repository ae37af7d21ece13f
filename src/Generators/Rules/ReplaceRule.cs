using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;

namespace Marrow.Generators.Rules;

/// <summary>MRW012: a replacement can take a block's place, and there is such a block.</summary>
internal static class ReplaceRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        for (var i = 0; i < check.Type.Replacements.Count; i++)
        {
            var replacement = check.Type.Replacements[i];
            if (replacement.Error is { } error)
            {
                yield return new(
                    DiagnosticIds.Replacement,
                    new Site.Argument(null, "Replace", "replacement") { Index = i },
                    $"[Replace] on '{check.Type.Name}': {error}");
            }
            else if (!Blocks(check.Plan, []).Contains(replacement.Block))
            {
                yield return new(
                    DiagnosticIds.Replacement,
                    new Site.Argument(null, "Replace", "block") { Index = i },
                    $"[Replace] on '{check.Type.Name}': no block of it is a {replacement.Block.Split('.').Last()}");
            }
        }
    }

    /// <summary>The declared types of all blocks, to any depth.</summary>
    private static IEnumerable<string> Blocks(PlannedModel model, HashSet<string> seen) => model.Layers
        .Where(layer => layer.Declared is BlockSpec { TypeKey: not null } && layer.Block is not null)
        .SelectMany(layer => seen.Add(layer.Block!.Type.Key)
            ? Blocks(layer.Block, seen).Prepend(((BlockSpec)layer.Declared).TypeKey!)
            : [((BlockSpec)layer.Declared).TypeKey!]);
}
