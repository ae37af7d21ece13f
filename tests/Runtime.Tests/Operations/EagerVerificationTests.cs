using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Operations;

/// <summary>VerifyAgainstEager on models of every signature.</summary>
public class EagerVerificationTests
{
    [Fact]
    public void SeveralOutputs_AreComparedEach()
    {
        using var model = new ManyOutputs();
        var difference = model.VerifyAgainstEager(randn(4, 8));
        Assert.Equal(
            ["Ids", "Logits", "States[0]", "States[1]"], difference.Outputs.Keys.Order(StringComparer.Ordinal));
        Assert.InRange(difference.Output, 0, 1e-5);
        Assert.InRange(difference.LargestGradient, 0, 1e-4);
        Assert.Contains("up.lora_A", difference.Gradients.Keys);
        Assert.Contains("input 0", difference.Gradients.Keys);
        Assert.True(difference.LargestOutput > 0);
    }

    [Fact]
    public void ToString_SaysWhatDiffersAndWhere()
    {
        Assert.Equal(
            "outputs differ by at most 0.002, of 3.5: Logits 0.001, States[0] 0.002; "
                + "gradients differ by at most 0.25, at 'up.lora_A' (2 compared)",
            new EagerDifference(
                new Dictionary<string, double> { ["Logits"] = 0.001, ["States[0]"] = 0.002 },
                3.5,
                new Dictionary<string, double> { ["up.lora_A"] = 0.25, ["input 0"] = 0 }).ToString());
        Assert.Equal(
            "outputs differ by at most 0, of 1; no gradients to compare",
            new EagerDifference(
                new Dictionary<string, double> { [""] = 0 }, 1, new Dictionary<string, double>()).ToString());
    }

    [Fact]
    public void InputsThatAreLeftOutOrNoTensors_ArePassedOn()
    {
        using var model = new ThreeInputs();
        var x = randn(4, 8);
        Assert.InRange(model.VerifyAgainstEager(x, null, 3).Output, 0, 1e-5);
        Assert.InRange(model.VerifyAgainstEager(x, zeros(8), 3).Output, 0, 1e-5);
    }

    [Fact]
    public void SingleInputOfNull_IsPassedOn()
    {
        using var model = new MaybeNothing();
        Assert.Equal(0, model.VerifyAgainstEager(null).Output);
    }

    [Fact]
    public void WrongNumberOfInputs_IsRefused()
    {
        using var model = new ThreeInputs();
        Assert.Contains(
            "ThreeInputs takes 3 inputs, not 1",
            Assert.Throws<ArgumentException>(() => model.VerifyAgainstEager(randn(4, 8))).Message);
    }

    [Fact]
    public void ResultWithoutATensor_IsRefused()
    {
        using var model = new NoTensor();
        Assert.Contains(
            "holds no tensor",
            Assert.Throws<ArgumentException>(() => model.VerifyAgainstEager(randn(4))).Message);
    }
}

public sealed record Outputs(Tensor Logits, Tensor[] States, Tensor Ids);

[Model, Lora(Rank = 2)]
public partial class ManyOutputs
{
    [Linear(8, 6)] public partial Linear Up { get; }

    [Forward]
    private Outputs Network(Tensor x)
    {
        var y = Up.call(x);
        return new(y, [y.sin(), y.cos()], y.argmax(-1));
    }
}

[Model, Lora(Rank = 2)]
public partial class ThreeInputs
{
    [Linear(8, 8)] public partial Linear Up { get; }

    [Forward] private Tensor Network(Tensor x, Tensor? mask, int times) => Up.call(x + (mask ?? ones(8))) * times;
}

[Model]
public partial class MaybeNothing
{
    [Forward] private Tensor Network(Tensor? x) => x ?? ones(2);
}

[Model]
public partial class NoTensor
{
    [Forward] private double Network(Tensor x) => x.sum().item<float>();
}
