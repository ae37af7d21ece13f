using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>Every kind of layer that is TorchSharp's own module.</summary>
[Model]
public partial class TorchLayers(int channels)
{
    [Conv1d(3, nameof(channels), 3, Padding = 1, Stride = 2, Bias = false)] public partial Conv1d Conv1 { get; }

    [BatchNorm1d(nameof(channels), Momentum = 0.2)] public partial BatchNorm1d Bn1 { get; }

    [MaxPool1d(2)] public partial MaxPool1d Pool1 { get; }

    [ConvTranspose1d(nameof(channels), nameof(channels), 2, Stride = 2)] public partial ConvTranspose1d Up1 { get; }

    [InstanceNorm1d(nameof(channels), Affine = true)] public partial InstanceNorm1d In1 { get; }

    [AvgPool1d(2, Stride = 1)] public partial AvgPool1d Mean1 { get; }

    [AdaptiveAvgPool1d(4)] public partial AdaptiveAvgPool1d To4 { get; }

    [ConvTranspose2d(nameof(channels), 4, 2, Stride = 2, Groups = 2)] public partial ConvTranspose2d Up2 { get; }

    [BatchNorm2d(4)] public partial BatchNorm2d Bn2 { get; }

    [GroupNorm(2, 4)] public partial GroupNorm Group { get; }

    [InstanceNorm2d(4)] public partial InstanceNorm2d In2 { get; }

    [MaxPool2d(2, Padding = 1, CeilMode = true)] public partial MaxPool2d Pool2 { get; }

    [AvgPool2d(2)] public partial AvgPool2d Mean2 { get; }

    [AdaptiveAvgPool2d(1)] public partial AdaptiveAvgPool2d To1 { get; }

    [Conv3d(1, 2, 1)] public partial Conv3d Conv3 { get; }

    [Lstm(nameof(channels), 6, Layers = 2, BatchFirst = true, Bidirectional = true)] public partial LSTM Lstm { get; }

    [Gru(12, 5, BatchFirst = true)] public partial GRU Gru { get; }

    [MultiheadAttention(6, 2)] public partial MultiheadAttention Attention { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        var y = To4.call(Mean1.call(In1.call(Up1.call(Pool1.call(Bn1.call(Conv1.call(x)))))));
        var image = In2.call(Group.call(Bn2.call(Up2.call(y.unsqueeze(-1)))));
        var one = To1.call(Mean2.call(Pool2.call(image))).flatten(1);
        var deep = Conv3.call(y.unsqueeze(1).unsqueeze(-1)).flatten(1).sum(1, keepdim: true);
        var read = Gru.call(Lstm.call(y.transpose(1, 2)).Item1).Item1.sum([1, 2]).unsqueeze(1);
        var tokens = y.flatten(1)[.., ..6].unsqueeze(0);
        return cat([one, deep, read, Attention.call(tokens, tokens, tokens).Item1[0]], 1);
    }
}

/// <summary>Layers that are repeated, and layers that need not be there.</summary>
[Model]
public partial class Optional(int width, int experts, bool gated, bool normed = true)
{
    [Linear(nameof(width), "width * (index + 1)", Count = nameof(experts))]
    public partial ModuleList<Linear> Experts { get; }

    [LayerNorm(nameof(width), When = nameof(normed))] public partial LayerNorm? Norm { get; }

    [Linear(nameof(width), nameof(width), When = "gated && experts > 0")] public partial Linear? Gate { get; }

    [Parameter(nameof(width), When = nameof(gated))] public partial Tensor? Offset { get; }

    [Block(nameof(width), When = nameof(gated))] public partial OneNorm? Inner { get; }

    [BatchNorm1d(nameof(width), Count = 2)] public partial ModuleList<BatchNorm1d> Norms { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        x = Norm?.call(x) ?? x;
        x = (Inner?.call(x) ?? x) + (Offset ?? zeros(1));
        var y = Experts.Aggregate(zeros(1), (sum, expert) => sum + expert.call(x).sum());
        return Norms[1].call(Gate is null ? x : Gate.call(x)) + y;
    }
}

[Model]
public partial class OneNorm(int width)
{
    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [Forward]
    private Tensor Network(Tensor x) => Norm.call(x);
}

[Lora(Rank = 1)]
public partial class OptionalLora() : Optional(4, 3, gated: true);

[Lora(Rank = 1, Targets = "gate", Exclude = "experts.*")]
public partial class WithoutExperts() : Optional(4, 1, gated: true, normed: false);

public class LayerKindTests
{
    [Fact]
    public void GroupNorm_StartsWithOnesAndZeros()
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < 20; i++)
        {
            full(4, 7f).Dispose(); // what fresh memory would hold
            var model = new TorchLayers(8);
            Assert.Equal([1f, 1, 1, 1], model.Group.weight!.data<float>().ToArray());
            Assert.Equal([0f, 0, 0, 0], model.Group.bias!.data<float>().ToArray());
        }
    }

    [Fact]
    public void Modules_OutliveTheDisposeScopeThatTheyAreMadeIn()
    {
        TorchLayers model;
        using (NewDisposeScope())
        {
            model = new TorchLayers(8);
        }

        using var other = new TorchLayers(8);
        Assert.Equal(other.state_dict().Keys.Order(), model.state_dict().Keys.Order());
        model.Dispose();
    }

    [Fact]
    public void TorchLayers_AreTheModulesThatTheirFactoriesMake()
    {
        using var scope = NewDisposeScope();
        using var model = new TorchLayers(8);
        using var conv = nn.Conv1d(3, 8, 3, padding: 1, stride: 2, bias: false);
        using var lstm = nn.LSTM(8, 6, numLayers: 2, batchFirst: true, bidirectional: true);
        Assert.Equal(
            conv.state_dict().Keys.Select(key => "conv1." + key).Order(),
            model.state_dict().Keys.Where(key => key.StartsWith("conv1.")).Order());
        Assert.Equal(
            lstm.state_dict().Keys.Select(key => "lstm." + key).Order(),
            model.state_dict().Keys.Where(key => key.StartsWith("lstm.")).Order());
        Assert.Equal([3, 12], model.call(randn(3, 3, 16)).shape);
    }

    [Fact]
    public void TorchLayers_TrainAndReload()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new TorchLayers(8);
        var x = randn(3, 3, 16);
        model.call(x).sum().backward();
        Assert.All(model.parameters(), parameter => Assert.NotNull(parameter.grad));
        model.SavePretrained(folder.File("model"));
        using var other = new TorchLayers(8);
        other.LoadPretrained(folder.File("model"));
        model.eval();
        other.eval();
        Assert.True(model.call(x).Equals(other.call(x)));
    }

    [Fact]
    public void Plans_CountWhatIsBuilt()
    {
        using var model = new TorchLayersOf8();
        Assert.Equal(model.parameters().Sum(parameter => parameter.numel()), TorchLayersOf8.Plan.TotalParameters);
        using var optional = new OptionalLora();
        Assert.Equal(optional.parameters().Sum(parameter => parameter.numel()), OptionalLora.Plan.TotalParameters);
        using var without = new WithoutExperts();
        Assert.Equal(without.parameters().Sum(parameter => parameter.numel()), WithoutExperts.Plan.TotalParameters);
    }

    [Fact]
    public void Repeated_NamesItsCopies_WhichAreAdaptedAsAnyLayer()
    {
        using var model = new OptionalLora();
        Assert.Equal([4L, 8, 12], model.Experts.Select(expert => expert.OutFeatures));
        Assert.Contains("experts.2.lora_A", model.named_parameters().Select(pair => pair.name));
        Assert.Contains("norms.1.running_mean", model.state_dict().Keys);
        using var y = model.call(randn(2, 4));
        model.to(float64);
        Assert.Equal(ScalarType.Float64, model.Experts[1].Weight.dtype);
    }

    [Fact]
    public void LayersThatAreLeftOut_AreNull_AndInNoState()
    {
        using var model = new Optional(4, 0, gated: true, normed: false);
        Assert.Empty(model.Experts);
        Assert.Null(model.Norm);
        Assert.Null(model.Gate);
        Assert.NotNull(model.Offset);
        Assert.Equal(
            [
                "inner.norm.bias", "inner.norm.weight", "norms.0.bias", "norms.0.weight", "norms.1.bias",
                "norms.1.weight",
                "offset",
            ],
            model.named_parameters().Select(pair => pair.name).Order());
        using var y = model.call(randn(2, 4));
        Assert.Contains("at run time", Optional.Plan.ToString());
    }
}

[Model]
public partial class TorchLayersOf8() : TorchLayers(8);
