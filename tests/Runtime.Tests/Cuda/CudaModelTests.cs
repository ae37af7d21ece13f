using Marrow.Tests.Adapters;
using Marrow.Tests.Quantization;
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
