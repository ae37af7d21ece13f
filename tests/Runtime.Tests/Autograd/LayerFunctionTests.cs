using System.Collections.Concurrent;
using Marrow.Autograd;
using Marrow.CompilerServices;
using Marrow.Tests.Adapters;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Autograd;

// Live tensors are counted for the whole process, so nothing else may run.
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public class Alone;

[Collection(nameof(Alone))]
public class LayerFunctionTests
{
    public static TheoryData<string> Names => [.. Forms.All.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Steps_InAScope_LeaveNoTensorBehind(string form)
    {
        using var layer = Forms.Create(form, ScalarType.Float32);
        AssertNothingStays(layer, () =>
        {
            using var scope = NewDisposeScope();
            var x = randn(2, 3, layer.InFeatures, requires_grad: true);
            layer.call(x * 2).sum().backward();
        });
    }

    [Theory, MemberData(nameof(Names))]
    public void Steps_WithoutAnyScope_LeaveNoTensorBehind(string form)
    {
        using var layer = Forms.Create(form, ScalarType.Float32);
        AssertNothingStays(layer, () =>
        {
            using var leaf = randn(2, 3, layer.InFeatures, requires_grad: true);
            using var x = leaf * 2;
            using var y = layer.call(x);
            using var loss = y.sum();
            loss.backward();
            using var gradient = leaf.grad;
            leaf.grad = null;
        });
    }

    [Fact]
    public void WithoutGradients_NothingIsKept()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        using var x = randn(4, layer.InFeatures);
        using var noGrad = no_grad();
        using var y = layer.call(x);
        Assert.False(y.requires_grad);
    }

    [Fact]
    public void Backward_Twice_AddsUp()
    {
        using var layer = Forms.Create("row", ScalarType.Float64);
        using var x = randn(4, layer.InFeatures, dtype: float64, requires_grad: true);
        using var loss = layer.call(x).square().sum();
        loss.backward(retain_graph: true);
        using var once = x.grad!.clone();
        loss.backward();
        Assert.True(x.grad!.allclose(once * 2));
    }

    [Fact]
    public void Output_CanBeChangedInPlace()
    {
        using var layer = Forms.Create("column", ScalarType.Float64);
        using var x = randn(2, 3, layer.InFeatures, dtype: float64, requires_grad: true);
        layer.call(x).mul_(2).sum().backward();
        using var changed = x.grad!.clone();
        x.grad = null;
        (layer.call(x) * 2).sum().backward();
        Assert.True(changed.allclose(x.grad!));
    }

    [Fact]
    public void GradientThatIsExpanded_IsAccepted()
    {
        using var layer = Forms.Create("row", ScalarType.Float64);
        using var x = randn(4, layer.InFeatures, dtype: float64, requires_grad: true);
        layer.call(x).sum().backward();
        Assert.NotNull(x.grad);
    }

    [Fact]
    public void InputOfOneDimension_GivesOneDimension()
    {
        using var layer = Forms.Create("lora", ScalarType.Float32);
        using var x = randn(layer.InFeatures, requires_grad: true);
        using var y = layer.call(x);
        Assert.Equal([layer.OutFeatures], y.shape);
        y.sum().backward();
        Assert.Equal(x.shape, x.grad!.shape);
    }

    [Fact]
    public void InputThatDoesNotFit_IsRefusedInForward_NamingTheLayer()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        Assert.Contains("'blocks.0.proj' takes Float32 [..., 12]",
            Assert.Throws<ArgumentException>(() => layer.call(randn(4, 5))).Message);
        Assert.Throws<ArgumentException>(() => layer.call(randn(4, 12, dtype: float64)));
    }

    [Fact]
    public void ExceptionInBackward_ReachesTheCaller()
    {
        using var layer = new FailingLayer(new LinearSite(
            "blocks.0.proj", 4, 4, HasBias: false, Tokens: null, PositiveInput: false, ScalarType.Float32, CPU));
        using var x = randn(2, 4, requires_grad: true);
        Assert.Contains("'blocks.0.proj'", Backward(layer.call(x)).Message);
        Assert.Contains("on purpose", Backward(layer.call(x)).Message);
    }

    [Fact]
    public void ExceptionInBackward_ReachesTheCallerOfGrad_WhateverRunsAfterIt()
    {
        using var failing = new FailingLayer(new LinearSite(
            "last", 12, 8, HasBias: false, Tokens: null, PositiveInput: false, ScalarType.Float32, CPU));
        using var first = Forms.Create("row", ScalarType.Float32);
        using var x = randn(2, first.InFeatures, requires_grad: true);
        var y = failing.call(nn.functional.pad(first.call(x), [0, 12 - first.OutFeatures])).sum();
        Assert.Contains("on purpose", Assert.ThrowsAny<Exception>(() => autograd.grad([y], [x])).Message);
        Assert.Equal(x.shape, autograd.grad([first.call(x).sum()], [x])[0].shape); // and nothing is left behind
    }

    [Fact]
    public void SecondDerivative_IsRefused()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        using var x = randn(2, layer.InFeatures, requires_grad: true);
        using var loss = layer.call(x).sum();
        Assert.Contains(
            "create_graph", Assert.ThrowsAny<Exception>(() => loss.backward(create_graph: true)).Message);
        using var again = layer.call(x).sum();
        Assert.Contains(
            "create_graph",
            Assert.ThrowsAny<Exception>(() => autograd.grad([again], [x], create_graph: true)).Message);
    }

    [Fact]
    public void ParameterChangedBeforeBackward_IsRefused()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        using var x = randn(2, layer.InFeatures, requires_grad: true);
        using var y = layer.call(x);
        using (no_grad()) layer.Adapter.First().Value.add_(1);
        Backward(y);
    }

    [Fact]
    public void MergeBeforeBackward_IsRefused()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        using var x = randn(2, layer.InFeatures, requires_grad: true);
        using var y = layer.call(x);
        layer.Adaptation.Merged.Commit(layer.Adaptation.Merged.Compute());
        Backward(y);
    }

    [Fact]
    public void FrozenWeightThatWantsAGradient_IsRefused()
    {
        using var layer = Forms.Create("row", ScalarType.Float32);
        layer.Weight.requires_grad = true;
        Assert.Throws<InvalidOperationException>(() => layer.call(randn(2, layer.InFeatures)));
    }

    [Fact]
    public void Threads_DoNotDisturbEachOther()
    {
        using var layer = Forms.Create("row", ScalarType.Float64);
        using var input = randn(4, layer.InFeatures, dtype: float64);
        var gradients = new ConcurrentBag<double[]>();
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 20; i++)
            {
                using var scope = NewDisposeScope();
                var x = input.clone().requires_grad_();
                layer.call(x).square().sum().backward();
                gradients.Add(x.grad!.data<double>().ToArray());
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        Assert.Equal(80, gradients.Count);
        Assert.All(gradients, gradient => Assert.Equal(gradients.First(), gradient));
    }

    private static Exception Backward(Tensor y)
    {
        using var loss = y.sum();
        return Assert.ThrowsAny<Exception>(() => loss.backward());
    }

    private static void AssertNothingStays(AdaptedLinear layer, Action step)
    {
        Count(2);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        Count(50);
        Assert.Equal(before, Tensor.TotalCount);

        void Count(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                step();
                foreach (var (_, value) in layer.Adapter)
                {
                    using var gradient = value.grad;
                    value.grad = null;
                }
            }

            ReturnedGradients.Free();
        }
    }

    private sealed class FailingLayer : AdaptedLinear
    {
        public FailingLayer(LinearSite site)
            : base(site, new LoraSettings(1, 1)) => AddAdapter("nothing", 1);

        public override Tensor AdaptedWeight() => Weight.alias();

        protected override Tensor Plain(Tensor x) => nn.functional.linear(x, Weight);

        protected override Tensor Forward(Saved saved, Tensor x) => nn.functional.linear(x, Weight);

        protected override Gradients Backward(Saved saved, Tensor dy) =>
            throw new InvalidOperationException("on purpose");
    }
}
