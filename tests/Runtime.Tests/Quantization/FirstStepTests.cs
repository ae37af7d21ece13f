using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

[Model, Quantize(Bits = 4, Activations = 4)]
public sealed partial class QuantizedConvolution()
{
    [Conv2d(3, 4, 3)] public partial Conv2d Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x);
}

/// <summary>Steps get their values from the first batch in which what they quantize is not all zero.</summary>
public sealed class FirstStepTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Names => ["statsq", "lsq", "bfloat16", "convolution"];

    public FirstStepTests() => manual_seed(1);

    public void Dispose() => scope.Dispose();

    [Theory, MemberData(nameof(Names))]
    public void ZeroBatches_LeaveTheStepsToTheNextOne(string name)
    {
        var (late, x) = Create(name);
        var (model, _) = Create(name);
        late.load_state_dict(model.state_dict());
        foreach (var zero in Enumerable.Range(0, 2))
        {
            late.call(zeros_like(x)).sum().backward();
        }

        Assert.True(late.call(x).Equals(model.call(x)));
        Assert.All(Steps(late).Zip(Steps(model)), pair => Assert.True(pair.First.Equals(pair.Second)));
        Assert.All(Steps(late), step => Assert.Equal(step.numel(), step.count_nonzero().item<long>()));
    }

    [Fact]
    public void ChannelThatIsZeroAtFirst_StartsWhenItIsNot_AndOthersKeepTheirSteps()
    {
        var model = new QuantizedConvolution();
        var x = randn(2, 3, 8, 8);
        var first = x.clone();
        first[.., 1] = 0;
        model.call(first);
        var step = Steps(model).Single(step => step.numel() == 3);
        var before = step.detach().clone();
        Assert.Equal([false, true, false], (before == 0).data<bool>().ToArray());
        model.call(x * 2);
        Assert.Equal([true, false, true], (before == step).data<bool>().ToArray());
        Assert.True(step[1].item<float>() > 0);
    }

    [Fact]
    public void RowOfWeightsThatIsZeroAtFirst_StartsWhenItIsNot()
    {
        var model = new LsqLinear(12, 4, false, 1, 4, 4);
        using var noGrad = no_grad();
        var weight = model.named_parameters().Single(pair => pair.name == "layer.weight").parameter;
        weight[2] = 0;
        model.call(randn(5, 12));
        weight[2] = 1;
        model.call(randn(5, 12));
        Assert.All(Steps(model), step => Assert.Equal(step.numel(), step.count_nonzero().item<long>()));
    }

    private static (nn.Module<Tensor, Tensor> Model, Tensor X) Create(string name) => name switch
    {
        "statsq" => (new StatsQLinear(12, 8, true, 3, 4, 4), randn(2, 3, 12)),
        "lsq" => (new LsqLinear(12, 8, true, 3, 4, 4), randn(2, 3, 12)),
        "bfloat16" => (new Bfloat16Linear(), randn(2, 5, 48)),
        _ => (new QuantizedConvolution(), randn(2, 3, 8, 8)),
    };

    private static IEnumerable<Tensor> Steps(nn.Module model) => model.named_parameters()
        .Where(pair => pair.name.EndsWith(".s", StringComparison.Ordinal))
        .Select(pair => pair.parameter);
}
