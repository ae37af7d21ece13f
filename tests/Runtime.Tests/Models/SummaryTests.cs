using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>One block of a model for these tests.</summary>
[Model]
public partial class SummaryBlock(int width)
{
    [Linear(nameof(width), "2 * width")] public partial Linear Up { get; }

    [Linear("2 * width", nameof(width))] public partial Linear Down { get; }

    [Forward]
    private Tensor Network(Tensor x) => Down.call(Up.call(x));
}

[Model]
public partial class SummaryNet(int width)
{
    [Block(nameof(width), Count = 3)] public partial ModuleList<SummaryBlock> Blocks { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        return Norm.call(x);
    }
}

[Lora(Rank = 2, Targets = "*.up")]
public sealed partial class SummaryNetLora() : SummaryNet(8);

[Quantize(Bits = 4, Activations = 8)]
public sealed partial class SummaryNetQuantized() : SummaryNet(8);

/// <summary>What a model says of itself.</summary>
public sealed class SummaryTests
{
    [Fact]
    public void AdaptedModel_ShowsLayersOfAKindInOneRow()
    {
        using var model = new SummaryNetLora();
        var lines = model.Summary().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

        // 3 × (8 × 16 + 16 + 16 × 8 + 8) + 2 × 8, and 3 × 2 × (8 + 16) of the adapters.
        Assert.Equal(
            "SummaryNetLora: 1,000 parameters, 144 trainable (14.40 %), float32 on cpu", lines[0]);
        Assert.Equal(lines[0], model.ToString());
        Assert.Equal("blocks.*.up    Linear     8 → 16  LoRA, rank 2       3                192         48", lines[2]);
        Assert.Equal("blocks.*.down  Linear     16 → 8                     3                136          0", lines[3]);
        Assert.Equal(5, lines.Length);
        model.Merge();
        Assert.Contains("LoRA, rank 2, merged", model.Summary());
    }

    [Fact]
    public void QuantizedModel_ShowsBits()
    {
        using var model = new SummaryNetQuantized();
        Assert.Contains("W4 A8 (StatsQ)", model.Summary());
    }

    [Fact]
    public void Table_OfLongNames_Fits()
    {
        var name = string.Join('.', Enumerable.Repeat("encoder", 20));
        var plan = new ModelPlan("Long", [new(name + ".q_proj", "4096 → 4096", 32, 16_777_216)]).ToString();
        Assert.All(plan.Split('\n'), line => Assert.InRange(line.TrimEnd().Length, 0, 120));
        Assert.Contains("…", plan);
        Assert.Contains(".q_proj", plan);
        Assert.DoesNotContain("quantizer", plan);
    }
}
