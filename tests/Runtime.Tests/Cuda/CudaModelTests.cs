using Marrow.Tests.Adapters;
using Marrow.Tests.Quantization;
using Marrow.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// Models whose layers take CUDA kernels over the emulator, against the plain formulas of the same layers.
/// </summary>
[Trait("Gpu", "yes")]
public sealed class CudaModelTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public CudaModelTests() => KernelHost.Require();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void StatsQ_AgreesWithThePlainFormula() => AssertAgrees(
        new StatsQLinear(70, 33, true, 19, 2, 2), () => randn(2, 19, 70), "statsq_levels", "lsq_levels",
        "lsq_gradients");

    [Fact]
    public void Lsq_AgreesWithThePlainFormula() => AssertAgrees(
        new LsqLinear(70, 33, true, 19, 4, 8), () => randn(2, 19, 70), "lsq_levels", "lsq_gradients");

    [Fact]
    public void QuantizedAttention_AgreesWithThePlainFormula() => AssertAgrees(
        new QuantizedViT(), () => randn(2, 3, 16, 16), "statsq_levels", "mm.dtype", "levels_scaled_floats",
        "levels_values", "lsq_gradients", "softmax_levels", "softmax_gradients");

    [Fact]
    public void Qkr_AgreesWithThePlainFormula() => AssertAgrees(
        new QkrViT(), () => randn(2, 3, 16, 16), "mm.dtype", "levels_logits", "softmax_levels", "softmax_gradients");

    [Fact]
    public void QkrWindows_AgreeWithThePlainFormula() => AssertAgrees(
        new QkrSwin(), () => randn(2, 3, 32, 32), "levels_logits", "softmax_levels", "softmax_gradients");

    [Fact]
    public void PackedBase_AgreesWithThePlainFormula() => AssertAgrees(
        new PackedLora(), () => randn(3, 12), "packed_values");

    /// <summary>In 16 bits the formula finds other levels; kernels compute as they do in 32.</summary>
    [Theory]
    [InlineData(WeightQuantizer.StatsQ)]
    [InlineData(WeightQuantizer.Lsq)]
    public void LayersOf16Bits_ComputeAsThoseOf32(WeightQuantizer weights)
    {
        using var cuda = KernelHost.Take();
        manual_seed(4);
        using nn.Module<Tensor, Tensor> rounded = weights == WeightQuantizer.StatsQ
            ? new StatsQLinear(70, 33, true, 19, 2, 2) : new LsqLinear(70, 33, true, 19, 4, 8);
        using nn.Module<Tensor, Tensor> wide = weights == WeightQuantizer.StatsQ
            ? new StatsQLinear(70, 33, true, 19, 2, 2) : new LsqLinear(70, 33, true, 19, 4, 8);
        rounded.to(KernelHost.Device).to(bfloat16);
        wide.to(KernelHost.Device);
        var x = randn(2, 19, 70).to(bfloat16);
        rounded.call(x); // gives steps their values
        wide.load_state_dict(rounded.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.to(float32)));
        var (own, expected) = (Run(rounded, x), Run(wide, x.to(float32)));
        foreach (var (name, value) in expected)
        {
            var largest = value.abs().max().item<float>();
            Assert.Equal(bfloat16, own[name].dtype);
            var difference = (own[name].to(float32) - value).abs().max().item<float>();
            Assert.True(difference <= 3e-2 * Math.Max(largest, 1e-3), $"{name}: {difference} of {largest}");
        }

        static Dictionary<string, Tensor> Run(nn.Module<Tensor, Tensor> model, Tensor x)
        {
            var y = model.call(x);
            (y.to(float32) * sin(arange(y.numel(), device: y.device).view(y.shape))).sum().backward();
            var results = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!);
            results.Add("y", y.detach());
            return results;
        }
    }

    [Fact]
    public void Rwkv6_AgreesWithThePlainFormula() => AssertAgrees(
        new Marrow.Models.Rwkv6(40, 64, 96, 2, headSize: 32, mixRank: 4, decayRank: 8),
        () => randint(40, [2, 37], dtype: int64),
        "wkv6_forward", "wkv6_backward_values", "wkv6_backward_keys");

    [Theory]
    [InlineData(Marrow.Models.Activation.Silu, false)]
    [InlineData(Marrow.Models.Activation.GeluTanh, true)]
    public void ADecoder_AgreesWithThePlainFormula(Marrow.Models.Activation activation, bool isFused) => AssertAgrees(
        new Marrow.Models.Decoder(new(
            Vocabulary: 50, Hidden: 48, Intermediate: 40, Layers: 2, Heads: 6, KeyValueHeads: 2, Context: 64, Head: 8,
            Activation: activation, Fused: isFused, QkNorms: !isFused, ZeroCenteredNorms: isFused)),
        () => randint(50, [2, 11], dtype: int64),
        "rms_norm_forward", "rms_norm_backward", "rms_norm_weight", "rotary", "gated_forward", "gated_backward");

    [Fact]
    public void BoneRow_InBfloat16_AgreesWithThePlainFormula()
    {
        using var on = Construction.On(dtype: bfloat16);
        var model = new Row(192, 128, true, 64);
        foreach (var block in model.AdapterParameters())
        {
            nn.init.normal_(block, 0, 0.1);
        }

        AssertAgrees(model, () => randn(7, 192).to(bfloat16), 2e-2, 0.25, "bone_adapt", "bone_gradient");
    }

    [Fact]
    public void StepsOfALanguageModel_AreThoseOfPlainOperations()
    {
        var expected = Losses();
        using var cuda = KernelHost.Take();
        Assert.All(Losses().Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
        Assert.Contains("cross_entropy", KernelHost.Driver.Launched);
        Assert.Contains("adamw", KernelHost.Driver.Launched);
        Assert.NotEqual(expected[0], expected[^1], 0.1);

        static List<float> Losses()
        {
            manual_seed(3);
            using var model = new Marrow.Models.Decoder(new(50, 48, 40, 2, 6, 2));
            model.to(KernelHost.Device);
            using var optimizer = new FusedAdamW(TrainedParameter.Of(model));
            using var batch = new Marrow.Language.TextBatch(
                randint(50, [2, 11], dtype: int64), randint(50, [2, 11], dtype: int64));
            return [.. Enumerable.Range(0, 4).Select(_ =>
            {
                optimizer.ZeroGradients();
                var loss = Marrow.Language.TextTraining.Loss(model, batch);
                loss.backward();
                optimizer.Step(1e-2);
                return loss.item<float>();
            })];
        }
    }

    private static void AssertAgrees(IModel model, Func<Tensor> input, params string[] functions) =>
        AssertAgrees(model, input, 1e-5, 1e-4, functions);

    private static void AssertAgrees(
        IModel model, Func<Tensor> input, double tolerance, double ofGradients, params string[] functions)
    {
        using (model as IDisposable)
        {
            manual_seed(3);
            ((nn.Module)model).to(KernelHost.Device);
            using var cuda = KernelHost.Take();
            var difference = model.VerifyAgainstEager(input());
            Assert.True(difference.Output <= tolerance * Math.Max(1, difference.LargestOutput), $"{difference}");
            Assert.True(difference.LargestGradient <= ofGradients, $"{difference}");
            Assert.Subset(KernelHost.Driver.Launched.ToHashSet(), functions.ToHashSet());
        }
    }
}

[Quantize(Bits = 2, Activations = 2)]
public sealed partial class QuantizedViT() : DeiT(image: 16, patch: 8, dim: 24, depth: 1, heads: 3, classes: 5);

[Quantize(Bits = 3, Activations = 4), Qkr]
public sealed partial class QkrViT() : DeiT(image: 16, patch: 8, dim: 24, depth: 1, heads: 3, classes: 5);

[Quantize(Bits = 4, Activations = 4), Qkr]
public sealed partial class QkrSwin() : Swin(
    image: 32, patch: 4, dim: 16, depth0: 2, depth1: 1, depth2: 1, depth3: 1, heads: 1, window: 4, classes: 5);
