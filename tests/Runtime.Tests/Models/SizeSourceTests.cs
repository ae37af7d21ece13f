using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>Sizes as people keep them.</summary>
public sealed record NetSizes(int Width, int[] Depths, double Ratio = 1.5)
{
    public int? Head { get; init; }

    public Activation Kind { get; init; } = Activation.Gelu;
}

public enum Activation
{
    Relu,
    Gelu,
}

public static class Limits
{
    public const int Least = 6;
}

[Model]
public partial class Guarded(IReadOnlyList<int> widths, int? types = null)
{
    [Linear("types ?? 1", 2, When = "types > 0")] public partial Linear? OfTypes { get; }

    [Linear("widths[0]", 2, When = "widths.Count > 2 && widths[2] > 4")] public partial Linear? OfThird { get; }

    [Linear(3, 2, When = "widths.Count < 2 || 8 / widths[1] > 1")] public partial Linear? OfSecond { get; }

    [Forward]
    private Tensor Network(Tensor x) => x;
}

[Model]
public sealed partial class GuardedShort() : Guarded([3]);

[Model]
public partial class Configured(
    NetSizes sizes,
    int[] widths,
    Activation kind = Activation.Gelu,
    string norm = "rms",
    int? head = null,
    long big = 5)
{
    private static readonly int[] Steps = [3, 5, 7];

    [Linear("sizes.Width", "sizes.Depths[1] * 2")] public partial Linear OfRecord { get; }

    [Linear("widths[0]", "Math.Max(widths[1], Limits.Least)")] public partial Linear OfList { get; }

    [Linear("widths[index]", "widths[index + 1]", Count = "widths.Length - 1")]
    public partial ModuleList<Linear> Chain { get; }

    [Linear("Steps[index]", 2, Count = 3)] public partial ModuleList<Linear> OfSteps { get; }

    [Linear("head ?? sizes.Width / 2", "1 << 3")] public partial Linear OfDefault { get; }

    [Linear("kind == Activation.Gelu ? 4 : 8", "(int)(sizes.Ratio * sizes.Width)")]
    public partial Linear OfEnum { get; }

    [RmsNorm("sizes.Width", When = "norm == \"rms\"")] public partial RmsNorm? Rms { get; }

    [LayerNorm("sizes.Width", When = "norm != \"rms\"")] public partial LayerNorm? Layer { get; }

    [Parameter("checked((int)big)", "Math.Min(big, 3)")] public partial Tensor OfLong { get; }

    [Forward]
    private Tensor Network(Tensor x) => x;
}

[Model]
public partial class ConfiguredHere() : Configured(
    new NetSizes(Width: 8, [1, 3]) { Head = 2 }, [4, 5, 6], norm: "layer", head: 7);

[Lora(Rank = 1, Targets = "of_record")]
public partial class ConfiguredLora(NetSizes given) : Configured(given, [4, 2], kind: Activation.Relu);

public class SizeSourceTests
{
    [Fact]
    public void WhatIsNotComputed_IsNoFault_AndWhatIsMissingCompares()
    {
        using var small = new GuardedShort();
        using var large = new Guarded([3, 4, 5], 6);
        Assert.Equal((null, null), (small.OfTypes, small.OfThird));
        Assert.NotNull(small.OfSecond);
        Assert.Equal(8, GuardedShort.Plan.TotalParameters);
        Assert.Equal((6, 3), (large.OfTypes!.InFeatures, large.OfThird!.InFeatures));
        Assert.NotNull(large.OfSecond);
    }

    [Fact]
    public void Sizes_ComeFromRecordsListsEnumsAndDefaults()
    {
        using var model = new ConfiguredHere();
        Assert.Equal((8L, 6L), (model.OfRecord.InFeatures, model.OfRecord.OutFeatures));
        Assert.Equal((4L, 6L), (model.OfList.InFeatures, model.OfList.OutFeatures));
        Assert.Equal([(4L, 5L), (5, 6)], model.Chain.Select(layer => (layer.InFeatures, layer.OutFeatures)));
        Assert.Equal([3L, 5, 7], model.OfSteps.Select(layer => layer.InFeatures));
        Assert.Equal((7L, 8L), (model.OfDefault.InFeatures, model.OfDefault.OutFeatures));
        Assert.Equal((4L, 12L), (model.OfEnum.InFeatures, model.OfEnum.OutFeatures));
        Assert.Null(model.Rms);
        Assert.NotNull(model.Layer);
        Assert.Equal([5, 3], model.OfLong.shape);
    }

    [Fact]
    public void Plan_KnowsThemWhereTheBaseCallWritesThemOut()
    {
        using var model = new ConfiguredHere();
        Assert.Equal(
            model.parameters().Sum(parameter => parameter.numel()), ConfiguredHere.Plan.TotalParameters!.Value);
        Assert.Contains(ConfiguredHere.Plan.Rows, row => row is { Layer: "of_record", Shape: "8 → 6 + bias" });
    }

    [Fact]
    public void Sizes_ThatAreKnownAtRunTime_GiveTheSame()
    {
        using var model = new ConfiguredLora(new NetSizes(10, [0, 4], 0.35));
        Assert.Equal((10L, 8L), (model.OfRecord.InFeatures, model.OfRecord.OutFeatures));
        Assert.Equal((8L, 3L), (model.OfEnum.InFeatures, model.OfEnum.OutFeatures));
        Assert.Equal(5, model.OfDefault.InFeatures);
        Assert.NotNull(model.Rms);
        Assert.Contains(ConfiguredLora.Plan.Rows, row => row is { Layer: "of_list", Parameters: 30 });
        Assert.Contains(ConfiguredLora.Plan.Rows, row => row is { Layer: "of_record", Parameters: null });
    }
}
