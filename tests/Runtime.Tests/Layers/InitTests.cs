using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Layers;

[Model]
public partial class Initialized(int width, int depth)
{
    [Linear(nameof(width), "4 * width", Init = ParameterInit.Normal, Std = "0.02 / Math.Sqrt(2 * depth)")]
    public partial Linear Scaled { get; }

    [Linear(nameof(width), nameof(width), Init = ParameterInit.Zeros)] public partial Linear Zeros { get; }

    [Linear(nameof(width), nameof(width), Init = ParameterInit.XavierUniform)] public partial Linear Xavier { get; }

    [Conv2d(3, nameof(width), 3, Init = ParameterInit.KaimingNormal)] public partial Conv2d Kaiming { get; }

    [Embedding(50, nameof(width), Init = ParameterInit.Normal, Std = 0.5, PaddingIndex = 3)]
    public partial Embedding Tokens { get; }

    [Parameter(nameof(width), nameof(width), Init = ParameterInit.KaimingUniform)] public partial Tensor Free { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Default { get; }

    [Forward]
    private Tensor Network(Tensor ids) => Scaled.call(Tokens.call(ids));
}

[Lora(Rank = 2, Targets = "scaled")]
public partial class InitializedLora() : Initialized(64, 8);

/// <summary>What weights start with.</summary>
public class InitTests
{
    [Fact]
    public void Weights_StartAsTheirAttributesSay()
    {
        using var scope = NewDisposeScope();
        using var model = new Initialized(64, 8);
        Assert.Equal(0.02 / 4, model.Scaled.Weight.std().item<float>(), 0.0002);
        Assert.Equal(0, model.Scaled.Bias!.abs().max().item<float>());
        Assert.Equal(0, model.Zeros.Weight.abs().max().item<float>());
        Assert.Equal(Math.Sqrt(6.0 / 128), model.Xavier.Weight.abs().max().item<float>(), 0.002);
        Assert.Equal(Math.Sqrt(2.0 / 27), model.Kaiming.Weight.std().item<float>(), 0.02);
        Assert.Equal(Math.Sqrt(6.0 / 64), model.Free.abs().max().item<float>(), 0.002);
        Assert.Equal(1.0 / 8, model.Default.Weight.abs().max().item<float>(), 0.002);
        Assert.NotEqual(0, model.Default.Bias!.abs().max().item<float>());
    }

    [Fact]
    public void Weights_OfAdaptedLayers_StartSoToo()
    {
        using var scope = NewDisposeScope();
        using var model = new InitializedLora();
        Assert.IsType<AdaptedLinear>(model.Scaled, exactMatch: false);
        Assert.Equal(0.02 / 4, model.Scaled.Weight.std().item<float>(), 0.0002);
    }

    [Fact]
    public void Weights_FollowTheSeed_AndDefaultsAreTorchSharps()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        using var one = new Initialized(64, 8);
        manual_seed(7);
        using var other = new Initialized(64, 8);
        Assert.All(one.parameters().Zip(other.parameters()), pair => Assert.True(pair.First.Equals(pair.Second)));
        manual_seed(3);
        using var plain = new OneDefault();
        manual_seed(3);
        using var torchs = nn.Linear(16, 8);
        Assert.True(plain.Layer.Weight.allclose(torchs.weight, 1e-5, 1e-7));
        Assert.True(plain.Layer.Bias!.allclose(torchs.bias!, 1e-5, 1e-7));
    }

    [Fact]
    public void PaddingIndex_StartsAsZeros_AndGetsNoGradient()
    {
        using var scope = NewDisposeScope();
        using var model = new Initialized(64, 8);
        Assert.Equal(0, model.Tokens.Weight[3].abs().max().item<float>());
        model.Tokens.call(tensor(new long[] { 3, 4, 3 })).sum().backward();
        Assert.Equal(0, model.Tokens.Weight.grad![3].abs().max().item<float>());
        Assert.Equal(1, model.Tokens.Weight.grad![4].min().item<float>());
    }
}

[Model]
public partial class OneDefault()
{
    [Linear(16, 8)] public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}
