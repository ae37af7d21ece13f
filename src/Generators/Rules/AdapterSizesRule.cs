using Marrow.Generators.Diagnostics;
using Marrow.Generators.Planning;
using Marrow.Generators.Specs;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>MRW101 and MRW102: block sizes and ranks fit every layer that is adapted.</summary>
internal static class AdapterSizesRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => check.Leaves
        .Select(leaf => Fault(check, leaf))
        .Where(fault => fault is not null)
        .GroupBy(fault => (fault!.Id, fault.Site))
        .Select(group => group.First()! with { Message = ModelCheck.AndMore(group.First()!.Message, group.Count()) });

    private static Violation? Fault(ModelCheck check, Leaf leaf)
    {
        if (leaf.Layer.Evaluated is not LinearSpec { In.Integer: { } input, Out.Integer: { } output } layer
            || leaf.Adapter is not { } adapter)
        {
            return null;
        }

        return adapter switch
        {
            BoneSpec { Form: "Mini", MiniRank.Integer: { } miniRank } when adapter.Given.Contains("MiniRank")
                && AdapterSizes.MiniRankDivides(leaf.Name, miniRank, output) is { } fault =>
                At("MiniRank", DiagnosticIds.BlockSize, fault, AdapterSizes.NearestDivisors(miniRank, output)),
            BoneSpec { IsBlockAffine: true, BlockSize.Integer: { } size } when AdapterSizes.BlockDividesBoth(leaf.Name, size, input, output) is { } fault =>
                At("BlockSize", DiagnosticIds.BlockSize, fault, Fixes(check, adapter, size)),
            BoneSpec { BlockSize.Integer: { } size } when AdapterSizes.BlockIsPositive(leaf.Name, size) is { } fault =>
                At("BlockSize", DiagnosticIds.BlockSize, fault, []),
            LoraSpec { Rank.Integer: { } rank } lora when AdapterSizes.RankFits(leaf.Name, lora.Attribute, rank, input, output, lora.Init == "LoraGa") is { } fault =>
                At("Rank", DiagnosticIds.Rank, fault, []),
            _ => null,
        };

        Violation At(string option, string id, string fault, IReadOnlyList<long> sizes)
        {
            var values = sizes.Select(size => FormattableString.Invariant($"{size}")).ToList();
            if (layer.Adapters.Count > 0)
            {
                return new(id, check.IsOwn(leaf) ? new Site.Argument(layer.Property.Name, adapter.Attribute, option) : Feeding(), fault, values);
            }

            return leaf.ClassAdapters.Any(pair => ReferenceEquals(pair.Annotation, adapter) && ReferenceEquals(pair.Owner, check.Type))
                ? new(id, new Site.Argument(null, adapter.Attribute, option), fault, values)
                : new(id, Feeding(), fault, []);
        }

        // The annotation stands elsewhere; what this class decides is the size.
        Site Feeding() => check.Blame(leaf, "inFeatures", spec => ((LinearSpec)spec).In) is Site.BaseArgument site
            ? site
            : check.Blame(leaf, "outFeatures", spec => ((LinearSpec)spec).Out);
    }

    /// <summary>The nearest sizes that suit all layers that the adapter means, not only the first that fails.</summary>
    private static IReadOnlyList<long> Fixes(ModelCheck check, AdapterSpec adapter, long size)
    {
        var common = 0L;
        foreach (var leaf in check.Leaves)
        {
            if (ReferenceEquals(leaf.Adapter, adapter) && leaf.Layer.Evaluated is LinearSpec { In.Integer: > 0 and { } input, Out.Integer: > 0 and { } output })
            {
                common = AdapterSizes.Gcd(AdapterSizes.Gcd(input, output), common);
            }
        }

        return AdapterSizes.NearestDivisors(size, common);
    }
}
