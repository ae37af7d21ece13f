using Marrow.Tests.Exemplars;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>Every adapter at sizes that divide and sizes that do not, with and without bias.</summary>
internal static class Forms
{
    public static readonly IReadOnlyDictionary<string, Func<ScalarType, AdaptedLinear>> All =
        new Dictionary<string, Func<ScalarType, AdaptedLinear>>
        {
            ["row"] = type => new BoneRow(Site(12, 8, true, type), 4),
            ["row, one block"] = type => new BoneRow(Site(6, 6, false, type), 6),
            ["row, ten groups"] = type => new BoneRow(Site(4, 40, false, type), 4),
            ["column"] = type => new BoneColumn(Site(12, 8, true, type), 4),
            ["column, one block"] = type => new BoneColumn(Site(6, 6, false, type), 6),
            ["free"] = type => new BoneFree(Site(12, 7, true, type), 4),
            ["free, padded"] = type => new BoneFree(Site(10, 7, false, type), 4),
            ["free, block larger than the input"] = type => new BoneFree(Site(3, 7, false, type), 4),
            ["free, dropout"] = type => new BoneFreeDropout(Site(10, 7, true, type), 4, 0.5),
            ["mini"] = type => new BoneMini(Site(12, 8, true, type), 4, 2),
            ["mini, padded"] = type => new BoneMini(Site(10, 6, false, type), 4, 3),
            ["lora"] = type => new Lora(Site(12, 8, true, type), new(3, 6)),
            ["lora, rank stabilised"] = type => new Lora(Site(5, 8, false, type), new(3, 6, RankStabilized: true)),
            ["lora, dropout"] = type => new LoraDropout(Site(12, 8, true, type), new(3, 6, Dropout: 0.5)),
        };

    /// <summary>The layer with adapter values that are not its starting ones, which are often zero.</summary>
    public static AdaptedLinear Create(string form, ScalarType type)
    {
        manual_seed(11);
        var layer = All[form](type);
        using var noGrad = no_grad();
        foreach (var (_, value) in layer.Adapter) value.normal_(0, 0.3);
        return layer;
    }

    public static LinearSite Site(long inFeatures, long outFeatures, bool bias, ScalarType type) =>
        new("blocks.0.proj", inFeatures, outFeatures, bias, type, CPU);
}
