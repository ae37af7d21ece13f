using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>Tensors left behind by training, counted in the whole process: nothing else may run meanwhile.</summary>
[Collection(nameof(LifetimeTests))]
[CollectionDefinition(nameof(LifetimeTests), DisableParallelization = true)]
public class LifetimeTests
{
    [Fact]
    public void Training_WithOneScopePerStep_LeavesNothingAfterAnyStep()
    {
        using var model = new EverythingLora();
        var optimizer = optim.AdamW(model.AdapterParameters(), 0.01);
        using var ids = zeros(2, 8, dtype: int64);
        using var shift = zeros(1);

        // What earlier tests left to the garbage collector must not go in the middle of a step.
        Settled();
        for (var step = 0; step < 60; step++)
        {
            var before = Tensor.TotalCount;
            using (NewDisposeScope())
            {
                Step(model, optimizer, ids, shift);
            }

            // The first steps make the optimizer's state and the parameters' gradients.
            Assert.True(step < 3 || Tensor.TotalCount == before,
                $"step {step}: {before} live tensors before, {Tensor.TotalCount} after");
        }
    }

    [Fact]
    public void Training_WithoutAnyScope_LeavesNothingOnceTheStepsTensorsAreGone()
    {
        using var model = new EverythingLora();
        var optimizer = optim.AdamW(model.AdapterParameters(), 0.01);
        using var ids = zeros(2, 8, dtype: int64);
        using var shift = zeros(1);
        long before = 0;
        for (var step = 0; step < 60; step++)
        {
            Step(model, optimizer, ids, shift);
            before = step == 10 ? Settled() : before;
        }

        Assert.Equal(before, Settled());
    }

    private static void Step(EverythingLora model, optim.Optimizer optimizer, Tensor ids, Tensor shift)
    {
        var loss = model.call(ids, shift).Logits.square().mean();
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
    }

    private static long Settled()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return Tensor.TotalCount;
    }
}
