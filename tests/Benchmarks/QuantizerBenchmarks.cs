using Marrow.Autograd;
using Marrow.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Benchmarks;

/// <summary>
/// Quantized layers against float32 layers and against eager fake quantization, in how many times faster.
/// </summary>
internal static class QuantizerBenchmarks
{
    private const string Faster = "times faster";

    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        set_num_threads(2);
        (string Name, Func<IEnumerable<Measurement>> Run)[] all =
        [
            ("quantized-linear", () => Layer(new W2A2Layer192(), new Bfloat16Layer192(), batch: 8).Concat(
                Layer(new W2A2Layer384(), new Bfloat16Layer384(), batch: 4))),
            ("activation-quantizer", () => Activations(8, 768).Concat(Activations(4, 384))),
            ("statsq", () => Weights(1536, 384).Concat(Weights(4096, 4096))),
            ("packed", Packed),
            ("deit-step", DeiTStep),
        ];
        return all.Where(benchmark => wanted(benchmark.Name)).SelectMany(benchmark => benchmark.Run());
    }

    private static IEnumerable<Measurement> Layer(OneTokenLayer model, OneTokenLayer halved, long batch)
    {
        var layer = (QuantizedLinear)model.Layer;
        var (inner, outer) = (layer.InFeatures, layer.OutFeatures);
        var size = $"{batch * 197}x{inner} to {outer}, W2A2";
        var x = randn(batch, 197, inner, requires_grad: true);
        var dy = randn(batch, 197, outer);
        using (no_grad())
        {
            layer.call(x);
            halved.call(x);
        }

        Parameter Find(string name) => layer.named_parameters().First(pair => pair.name == name).parameter;
        var (step, before, after) = (Find("input_quant_fn.s"), Find("move_b4.bias"), Find("move_aft.bias"));
        Tensor Eager() => linear(
            EagerQuantizers.Lsq(x, step, before, after, -2, 1), EagerQuantizers.StatsQ(layer.Weight, 2), layer.Bias);

        var forward = new SideBySide()
            .Add("fused", () => Forward(() => layer.call(x)))
            .Add("plain", () => Forward(() => linear(x, layer.Weight, layer.Bias)))
            .Add("eager", () => Forward(Eager))
            .Run(51, warmUps: 40);
        yield return new("quantized-linear", size, $"forward, {Faster}", forward["plain"] / forward["fused"],
            "float32 layer");
        yield return new("quantized-linear", size, $"forward, {Faster}", forward["eager"] / forward["fused"],
            "eager fake quantization");

        var both = new SideBySide()
            .Add("fused", () => Step(() => layer.call(x)))
            .Add("bfloat16", () => Step(() => halved.call(x)))
            .Add("eager", () => Step(Eager))
            .Run(51, warmUps: 40);
        yield return new("quantized-linear", size, $"forward and backward, {Faster}", both["eager"] / both["fused"],
            "eager fake quantization");
        yield return new("quantized-linear", size, $"the same, bfloat16 backward, {Faster}",
            both["eager"] / both["bfloat16"], "eager fake quantization");

        void Step(Func<Tensor> compute)
        {
            using var scope = NewDisposeScope();
            compute().backward([dy]);
            Clear([.. model.parameters(), .. halved.parameters(), x]);
        }
    }

    private static IEnumerable<Measurement> Activations(long batch, long channels)
    {
        var x = randn(batch, 197, channels, requires_grad: true);
        var dy = randn(batch, 197, channels);
        var range = LevelRange.Signed(2);
        var step = Lsq.InitialStep(x, range, ScaleGranularity.Position, 2).requires_grad_();
        var (before, after) = (zeros(channels, requires_grad: true), zeros(channels, requires_grad: true));
        var times = new SideBySide()
            .Add("fused", () => Step(() => Lsq.Quantize(x, step, range, ScaleGranularity.Position, before, after)))
            .Add("eager", () => Step(() => EagerQuantizers.Lsq(x, step, before, after, -2, 1)))
            .Run(51, warmUps: 40);
        yield return new("activation-quantizer", $"{batch}x197x{channels}, 2 bits", $"forward and backward, {Faster}",
            times["eager"] / times["fused"], "eager TorchSharp");

        void Step(Func<Tensor> compute)
        {
            using var scope = NewDisposeScope();
            compute().backward([dy]);
            Clear([x, step, before, after]);
        }
    }

    private static IEnumerable<Measurement> Weights(long outer, long inner)
    {
        var (w, target) = (randn(outer, inner), empty(outer, inner));
        var times = new SideBySide()
            .Add("fused", () => StatsQ.Quantize(w, 2, target))
            .Add("copy", () => target.copy_(w))
            .Run(101, warmUps: 50);
        yield return new("statsq", $"{outer}x{inner}, 2 bits", "time, existing buffers", times["fused"] / times["copy"],
            "plain copy");
    }

    private static IEnumerable<Measurement> Packed()
    {
        var model = new W2A8Layer4096();
        var x = randn(1, 4096);
        using (no_grad())
        {
            model.call(x);
        }

        var weight = model.Layer.Weight.detach().clone();
        var bias = model.Layer.Bias!.detach().clone();
        var packed = PackedWeight.Of(StatsQ.Codes(weight, 2), 2, isOdd: true);
        var path = Path.GetTempFileName();
        ((IModel)model).Export(path);
        ((IModel)model).LoadExport(path);
        File.Delete(path);
        var times = new SideBySide()
            .Add("plain", () => Forward(() => linear(x, weight, bias)))
            .Add("integers", () => Forward(() => model.call(x)))
            .Add("floats", () => Forward(() => packed.Linear(x, bias)))
            .Run(101, warmUps: 50);
        yield return new("packed", "1x4096 to 4096, 2 bits", $"8-bit activations, {Faster}",
            times["plain"] / times["integers"], "float32 layer");
        yield return new("packed", "1x4096 to 4096, 2 bits", $"float activations, {Faster}",
            times["plain"] / times["floats"], "float32 layer");
    }

    private static IEnumerable<Measurement> DeiTStep()
    {
        var (model, halved) = (new W2A2DeiT(), new Bfloat16DeiT());
        var x = randn(8, 3, 224, 224);
        var labels = randint(0, 1000, [8]);
        using var optimizer = new FusedAdamW(TrainedParameter.Of(model));
        using var other = new FusedAdamW(TrainedParameter.Of(halved));
        using var tracker = new OscillationTracker(model);
        var times = new SideBySide()
            .Add("fused", () => Step(model, optimizer))
            .Add("bfloat16", () => Step(halved, other))
            .Add("eager", () =>
            {
                using var eager = new EagerMode();
                Step(model, optimizer);
            })
            .Add("tracker", () => tracker.Update())
            .Run(9, warmUps: 2);
        yield return new("deit-step", "DeiT-T 224, batch 8, W2A2", Faster, times["eager"] / times["fused"],
            "eager fake quantization");
        yield return new("deit-step", "DeiT-T 224, batch 8, W2A2", $"bfloat16 backward, {Faster}",
            times["eager"] / times["bfloat16"], "eager fake quantization");
        yield return new("deit-step", "DeiT-T 224, batch 8, W2A2", "oscillation tracker, part of a step",
            times["tracker"] / times["fused"], "fused step");

        void Step(Models.DeiT deit, Optimizer with)
        {
            using var scope = NewDisposeScope();
            var (byClass, byTeacher) = deit.Logits(x);
            (cross_entropy(byClass, labels) + cross_entropy(byTeacher, labels)).backward();
            with.Step(1e-4);
            with.ZeroGradients();
        }
    }

    private static void Forward(Func<Tensor> compute)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        compute();
    }

    private static void Clear(IEnumerable<Tensor> leaves)
    {
        foreach (var leaf in leaves)
        {
            using var gradient = leaf.grad;
            leaf.grad = null;
        }

        ReturnedGradients.Free();
    }
}
