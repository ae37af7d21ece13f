using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

[Model]
public partial class Gated(bool isGated, int blocks)
{
    [Linear(8, 8)] public partial Linear Up { get; }

    [Linear(8, 8, When = nameof(isGated))] public partial Linear? Gate { get; }

    [Block(Count = nameof(blocks))] public partial ModuleList<GatedBlock> Blocks { get; }

    [Forward]
    private Tensor Network(Tensor x) => Gate is null ? Up.call(x) : Up.call(x) * Gate.call(x);
}

[Model]
public sealed partial class GatedBlock()
{
    [Linear(8, 8)] public partial Linear Proj { get; }

    [Forward]
    private Tensor Network(Tensor x) => Proj.call(x);
}

[Lora(Rank = 2, Targets = "gate")]
public sealed partial class GateLora(bool isGated) : Gated(isGated, 1);

[Bone(BlockSize = 4, Targets = "*.proj")]
public sealed partial class ProjBone(int blocks) : Gated(false, blocks);

[Quantize(Bits = 4, Targets = "*.proj")]
public sealed partial class QuantizedProj(int blocks) : Gated(false, blocks);

/// <summary>An annotation that finds no layer when the model is built would leave it whole or float.</summary>
public sealed class TakerTests
{
    [Fact]
    public void AnnotationThatNoLayerTakes_IsRefusedWithTargetsAndLayers()
    {
        Assert.Equal(
            "GateLora's adapter with Targets = \"gate\" adapts no layer; there are 'up', 'blocks.0.proj': name some of "
            + "them in Targets.",
            Assert.Throws<ArgumentException>(() => new GateLora(false)).Message);
        Assert.Contains(
            "Targets = \"*.proj\" adapts no layer; there are 'up':",
            Assert.Throws<ArgumentException>(() => new ProjBone(0)).Message);
        Assert.Contains(
            "QuantizedProj's quantizer with Targets = \"*.proj\" quantizes no layer; there are 'up':",
            Assert.Throws<ArgumentException>(() => new QuantizedProj(0)).Message);
    }

    [Fact]
    public void AnnotationThatALayerTakes_IsNot()
    {
        new GateLora(true).Dispose();
        new ProjBone(2).Dispose();
        new QuantizedProj(1).Dispose();
    }
}
