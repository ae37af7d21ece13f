using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

[Model]
public partial class Mixer(int width, double scale, long more = 3, string? label = null)
{
    [Linear(nameof(width), nameof(width))] public partial Linear Mix { get; }

    protected double Scale => scale;

    public (long More, string? Label) Rest => (more, label);

    [Forward]
    private Tensor Network(Tensor x) => Mix.call(Before(x)) * scale;

    protected virtual Tensor Before(Tensor x) => x;
}

[Model]
public partial class Step(int width, int number)
{
    [Block(nameof(width), "number / 2.0")] public partial Mixer Mixer { get; }

    [Forward]
    private Tensor Network(Tensor x) => x + Mixer.call(x);
}

[Model]
public partial class Stack(int width, int depth)
{
    [Block(nameof(width), "index + 1", Count = nameof(depth))] public partial ModuleList<Step> Steps { get; }

    [Forward]
    private Tensor Network(Tensor x) => Steps.Aggregate(x, (y, step) => step.call(y));
}

/// <summary>Another mixer, with a norm of its own.</summary>
[Model]
public partial class NormedMixer(int width, double scale, long more = 3, string? label = null)
    : Mixer(width, scale, more, label)
{
    [RmsNorm(nameof(width))] public partial RmsNorm QNorm { get; }

    protected override Tensor Before(Tensor x) => QNorm.call(x);
}

[Replace(typeof(Mixer), typeof(NormedMixer))]
public partial class NormedStack() : Stack(8, 2);

[Lora(Rank = 2)]
public partial class NormedStackLora() : NormedStack;

/// <summary>Architectures that are another one with a different block.</summary>
public class ReplaceTests
{
    [Fact]
    public void Replace_MakesTheOtherBlockEverywhere_WithItsArguments()
    {
        using var model = new NormedStack();
        Assert.All(model.Steps, step => Assert.IsType<NormedMixer>(step.Mixer));
        Assert.All(model.Steps, step => Assert.Equal((3, null), step.Mixer.Rest)); // what [Block] leaves out
        Assert.Contains("steps.1.mixer.q_norm.weight", model.state_dict().Keys);
        using var scope = NewDisposeScope();
        var x = randn(3, 8);
        var expected = x;
        foreach (var (step, scale) in model.Steps.Zip([0.5, 1.0]))
        {
            var mixer = (NormedMixer)step.Mixer;
            expected = expected + mixer.Mix.call(mixer.QNorm.call(expected)) * scale;
        }

        Assert.Equal(0, (model.call(x) - expected).abs().max().item<float>(), 1e-6);
        using var plain = new Stack(8, 2);
        Assert.All(plain.Steps, step => Assert.IsType<Mixer>(step.Mixer));
    }

    [Fact]
    public void Plan_AndAdapters_SeeTheOtherBlock()
    {
        using var model = new NormedStackLora();
        Assert.Equal(
            model.parameters().Sum(parameter => parameter.numel()), NormedStackLora.Plan.TotalParameters);
        Assert.Equal(4, model.AdapterParameters().Count);
    }
}
