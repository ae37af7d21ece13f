using Marrow.CompilerServices;
using Marrow.Quantization.Oscillations;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>
/// Treatments of oscillation, and where they differ on purpose from the code that was released with arXiv 2302.02210.
/// </summary>
public class OscillationTests
{
    [Fact]
    public void Confident_IsWhatLiesAwayFromBoundariesBetweenUsedLevels()
    {
        using var scope = NewDisposeScope();
        // Levels −2 … 1; boundaries at −1.5, −0.5, 0.5. Beyond the ends lie no boundaries.
        var position = tensor(new[] { -2.5, -1.52, -1.48, -1.0, -0.54, 0.46, 0.5, 1.0, 1.4999 });
        Assert.Equal([true, false, false, true, false, false, false, true, true],
            Cga.Confident(position, 0.05).data<bool>().ToArray());

        // Where only one level is in use there is no boundary at all.
        Assert.All(Cga.Confident(tensor(new[] { 0.1, 0.3, 0.49 }), 0.05).data<bool>().ToArray(), Assert.True);
    }

    [Fact]
    public void ReleasedQkr_FreezesNothing_OursFreezesConfidentEntries()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var (factor, mask) = (randn(6, 6).requires_grad_(), rand(6, 6) > 0.3);

        // Released: the masked product is only used to find levels; the straight-through step adds the unmasked one,
        // whose gradient is whole.
        var masked = where(mask, factor.detach(), factor);
        var released = factor + (StatsQ.Plain(masked, 2) - factor).detach();
        released.sum().backward();
        Assert.Equal(36, factor.grad!.count_nonzero().item<long>());

        factor.grad = null;
        using var held = new FrozenCodes(isOdd: true);
        held.FreezeValues(mask, factor);
        StatsQ.Quantize(held.Apply(factor), 2).sum().backward();
        Assert.Equal(0, factor.grad!.masked_select(mask).count_nonzero().item<long>());
        Assert.Equal(36 - mask.count_nonzero().item<long>(), factor.grad!.count_nonzero().item<long>());
    }

    [Fact]
    public void Annealing_WithABfloat16Backward_IsNotSkipped()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var model = new Bfloat16Linear();
        model.call(randn(2, 5, 48)).sum().backward();
        using var annealing = new Annealing(model);
        annealing.BeforeStep();
        Assert.InRange(annealing.FrozenShare, 0.5, 0.999);

        using var optimizer = new FusedAdamW(TrainedParameter.Of(model), weightDecay: 1);
        var before = model.Layer.Weight.detach().clone();
        optimizer.Step(0.1, annealing.Frozen);
        var mask = annealing.Frozen[model.Layer.Weight];
        var moved = model.Layer.Weight.detach() != before;
        Assert.Equal(0, moved.logical_and(mask).count_nonzero().item<long>());
        Assert.Equal(mask.logical_not().count_nonzero().item<long>(), moved.count_nonzero().item<long>());
    }

    [Fact]
    public void StepsOfLsq_ExistBeforeTheFirstForwardPass()
    {
        // Released: scales are made by the first forward pass, so a state that has them cannot be loaded before it.
        using var scope = NewDisposeScope();
        manual_seed(3);
        var (trained, resumed) = (new LsqLinear(12, 8, true, 3, 2, 2), new LsqLinear(12, 8, true, 3, 2, 2));
        var x = randn(2, 3, 12);
        var y = trained.call(x);
        resumed.load_state_dict(trained.state_dict());
        Assert.Equal(y.data<float>().ToArray(), resumed.call(x).data<float>().ToArray());
    }

    [Fact]
    public void FusedAdamW_IsTorchsAdamW()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var (ours, theirs) = (new Parameter(randn(301, 70)), new Parameter(zeros(301, 70)));
        using (no_grad())
        {
            theirs.copy_(ours);
        }

        using var optimizer = new FusedAdamW([new("w", ours)], weightDecay: 0.1);
        using var reference = optim.AdamW([theirs], lr: 1e-2, weight_decay: 0.1);
        for (var step = 0; step < 5; step++)
        {
            var gradient = randn(301, 70);
            (ours.grad, theirs.grad) = (gradient, gradient.clone());
            optimizer.Step(1e-2);
            reference.step();
        }

        Assert.True((ours - theirs).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void Dampening_PullsToTheMiddleOfTheLevel()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var model = new DampenedLinear();
        var loss = Dampening.Loss(model)!;
        loss.backward();
        var (w, quantized) = (model.Layer.Weight, StatsQ.Quantize(model.Layer.Weight.detach(), 2));
        var inside = (w < quantized.amax([1], keepdim: true)).logical_and(w > quantized.amin([1], keepdim: true));
        Assert.True(((w.grad! - (2 * (w - quantized))) * inside).abs().max().item<float>() < 1e-5);
        Assert.Equal(0, w.grad!.masked_select(inside.logical_not()).count_nonzero().item<long>());
        Assert.Null(Dampening.Loss(new FreezingLinear()));
    }

    [Fact]
    public void Histogram_CountsEveryWeightOnce()
    {
        using var scope = NewDisposeScope();
        var weight = ((IModel)new StatsQLinear(30, 20, true, 1, 2, 2)).QuantizedWeights().Single();
        var (start, counts) = weight.LatentHistogram(binsPerLevel: 10);
        Assert.Equal((-2.5, 40, 600), (start, counts.Length, counts.Sum()));
    }

    [Theory]
    [InlineData(37)]
    [InlineData(30011)]
    public void Kernel_UpdatesAsPlainOperationsDo(int count)
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        var levels = Enumerable.Range(0, 30).Select(_ => randint(-128, 128, [count], dtype: int8)).ToList();
        using var fused = new OscillationState(levels[0], momentum: 0.1);
        using var plain = new OscillationState(levels[0], momentum: 0.1);
        foreach (var step in levels[1..])
        {
            // A threshold that nothing reaches takes the other path.
            Assert.Equal(plain.Update(step, freezeThreshold: 2), fused.Update(step));
        }

        foreach (var ((name, a), (_, b)) in fused.Tensors.Zip(plain.Tensors).Where(pair =>
            pair.First.Name is not ("average_level" or "frequency")))
        {
            Assert.True(a.bytes.SequenceEqual(b.bytes), name);
        }

        Assert.True((fused.Frequency - plain.Frequency).abs().max().item<float>() < 1e-6);
        Assert.True(fused.Total.max().item<int>() > 5);
    }

    [Fact]
    public void FrozenLevels_HoldInFusedAndPlainPath()
    {
        using var scope = NewDisposeScope();
        manual_seed(6);
        var model = new FreezingLinear();
        var weight = ((IModel)model).QuantizedWeights().Single();
        var levels = weight.Levels();
        var mask = rand(8, 12) > 0.5;
        weight.Frozen.FreezeCodes(mask, -1 - levels); // the mirrored level, which no latent weight has
        Assert.Equal(0, (weight.Levels() + 1 + levels).masked_select(mask).count_nonzero().item<long>());
        var difference = ((IModel)model).VerifyAgainstEager(randn(2, 3, 12));
        Assert.True(difference.Output < 1e-5, difference.ToString());
        Assert.All(difference.Gradients, pair => Assert.True(pair.Value < 1e-4, $"{pair.Key}: {pair.Value}"));
    }
}

[Quantize(Bits = 2, Oscillation = Oscillation.Dampen)]
public partial class DampenedLinear() : OneLinear(12, 8, true, 1);
