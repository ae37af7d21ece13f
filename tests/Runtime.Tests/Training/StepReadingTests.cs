using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Training;

/// <summary>
/// What a step reads from its device, once and after the backward: losses and the gradients' norm. A fault in them
/// leaves the parameters as they were.
/// </summary>
public sealed class StepReadingTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();
    private readonly Line model = new(4);
    private readonly Tensor inputs, targets;

    public StepReadingTests()
    {
        manual_seed(1);
        (inputs, targets) = (randn(8, 4), randn(8));
    }

    public void Dispose()
    {
        model.Dispose();
        scope.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void ALossThatIsNotFinite_InAnyBatchOfAStep_IsNamed_AndMovesNothing(int faulty)
    {
        var weight = model.Layer.Weight.clone();
        var fault = Assert.Throws<TrainingException>(() => Run(
            number => number == faulty ? inputs.mul(float.PositiveInfinity) : inputs, batch => Loss(batch), 3));
        Assert.StartsWith("Step 0: the loss is NaN or infinite; layer 'layer' is the first", fault.Message);
        Assert.True(weight.equal(model.Layer.Weight).all().item<bool>());
    }

    [Fact]
    public void AGradientThatIsNotFinite_IsNamed_AndMovesNothing()
    {
        var weight = model.Layer.Weight.clone();
        var fault = Assert.Throws<TrainingException>(() => Run(
            _ => inputs, batch => (model.call(batch) - model.call(batch).detach()).abs().sqrt().mean(), 1));
        Assert.StartsWith("Step 0: the gradient of 'layer.", fault.Message);
        Assert.True(weight.equal(model.Layer.Weight).all().item<bool>());
    }

    [Fact]
    public void ABackwardThatRefusesNaN_IsAFaultOfTheLoss()
    {
        var fault = Assert.Throws<TrainingException>(() => Run(
            _ => inputs, batch => throw new ArithmeticException("NaN has no level."), 1));
        Assert.StartsWith("Step 0: NaN has no level. The parameters are still those before", fault.Message);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.01)]
    public void TheNorm_IsThatOfAllGradients_WhateverTheirType(double clip)
    {
        Parameter[] values =
        [
            new(zeros(3)), new(zeros(2, dtype: bfloat16)), new(zeros(4, dtype: float16)), new(zeros(1)),
        ];
        values[0].grad = tensor([1f, 2f, 2f]);
        values[1].grad = tensor([4f, 2f]).to(bfloat16);
        values[2].grad = full(4, 1f, dtype: float16);
        var norm = GradientNorm.Clip([.. values.Select((value, i) => new TrainedParameter($"{i}", value))], clip);
        Assert.Equal(Math.Sqrt(9 + 20 + 4), norm.to(float64).item<double>(), 1e-6);
        var scale = clip > 0 ? clip / Math.Sqrt(33) : 1;
        Assert.Equal(2 * scale, values[0].grad![1].to(float64).item<double>(), 1e-6);
        Assert.Equal(4 * scale, values[1].grad![0].to(float64).item<double>(), clip > 0 ? 1e-4 : 0);
        Assert.Null(values[3].grad);
    }

    private Tensor Loss(Tensor batch) => mse_loss(model.call(batch), targets);

    private void Run(Func<long, Tensor> batches, Func<Tensor, Tensor> loss, int accumulation)
    {
        using var training = new Training<Tensor>(
            model, batches, loss, new TrainingOptions { Steps = 1, Accumulation = accumulation });
        training.Run();
    }
}
