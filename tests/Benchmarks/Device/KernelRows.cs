using Marrow.Autograd;
using Marrow.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Benchmarks.Device;

/// <summary>Single operations, at the sizes of a LLaMA-2-7B on 8 × 512 tokens, a DeiT and an RWKV6 of 3B.</summary>
/// <param name="target">Where.</param>
internal sealed class KernelRows(Target target)
{
    private const ScalarType Half = ScalarType.BFloat16;

    private long Tokens => target.Size(8 * 512, 6);

    private long Hidden => target.Size(4096, 64);

    private long Inner => target.Size(11008, 128);

    public IEnumerable<DeviceRow> Run(Func<string, bool> wanted)
    {
        (string Name, Func<IEnumerable<DeviceRow>> Run)[] all =
        [
            ("wkv6", Wkv6), ("unpack", Unpack), ("packed-token", PackedToken), ("lsq", Lsq), ("statsq", StatsQ),
            ("level-product", LevelProduct), ("rms-norm", RmsNorm), ("bone-adapt", BoneAdapt),
            ("bone-gradient", BoneGradient), ("rotary", Rotary), ("swiglu", SwiGlu), ("adamw", AdamW),
        ];
        return all.Where(row => wanted(row.Name)).SelectMany(row => row.Run());
    }

    private IEnumerable<DeviceRow> Wkv6()
    {
        var (batch, tokens, heads, size) = (target.Size(8, 1), target.Size(512, 5), target.Size(40, 1), 64L);
        Tensor Leaf() => target.Random(ScalarType.Float32, batch, tokens, heads * size).requires_grad_();
        var (r, k, v, bonus) = (Leaf(), Leaf(), Leaf(), target.Random(ScalarType.Float32, heads, size));
        var decay = Leaf().detach().sigmoid().requires_grad_();
        var row = Row("wkv6", $"both ways, {batch} × {tokens} tokens, {heads} heads of {size}, float32", () =>
            Backward(Marrow.Wkv6.Run(r, k, v, decay, bonus, null).Output, r, k, v, decay));
        yield return row with
        {
            // r, k, v, decay and y; then those, dy and four gradients; states every 32 tokens.
            Entries = r.numel(),
            Bytes = r.numel() * 4.0 * (5 + 9 + (2 * size / 32.0)),
            Others = Others(("loop over tokens", () =>
                Backward(Marrow.Wkv6.Plain(r, k, v, decay, bonus, null).Output, r, k, v, decay))),
            Goal = "within 1.5 of RWKV's own CUDA kernel",
        };
    }

    private IEnumerable<DeviceRow> Unpack()
    {
        var (packed, weight) = Packed(4);
        yield return Row("unpack", $"4 bits to bfloat16, {Inner} × {Hidden}", () => packed.Dequantize()) with
        {
            Entries = weight.numel(),
            Bytes = weight.numel() * 2.5,
            Goal = "2.5 bytes an entry",
        };
    }

    private IEnumerable<DeviceRow> PackedToken()
    {
        var (packed, weight) = Packed(4);
        var x = target.Random(Half, 1, Hidden);
        yield return Row("packed-token", $"one token, 4 bits, {Hidden} to {Inner}", () => packed.Linear(x, null)) with
        {
            Entries = weight.numel(),
            Bytes = weight.numel() * 0.5,
            Others = Others(("bfloat16 weight", () => nn.functional.linear(x, weight))),
        };
    }

    private IEnumerable<DeviceRow> Lsq()
    {
        foreach (var (name, batch, channels) in ((string, long, long)[])[("DeiT-T", 128, 192), ("DeiT-S", 64, 384)])
        {
            var shape = (long[])[target.Size(batch, 2), target.Size(198, 5), target.Size(channels, 24)];
            var x = target.Random(ScalarType.Float32, shape).requires_grad_();
            var range = LevelRange.Signed(2);
            var step = CompilerServices.Lsq.InitialStep(x, range, ScaleGranularity.Position, 2).requires_grad_();
            var before = zeros(shape[2], device: target.Device).requires_grad_();
            var after = zeros(shape[2], device: target.Device).requires_grad_();
            var row = Row("lsq", $"values and gradients, {name}, {string.Join(" × ", shape)}, float32", () => Backward(
                CompilerServices.Lsq.Quantize(x, step, range, ScaleGranularity.Position, before, after),
                x, step, before, after));
            yield return row with
            {
                Entries = x.numel(),
                Bytes = x.numel() * 20.0, // x and y; x, dy and dx
                Others = Others(("eager", () =>
                    Backward(EagerQuantizers.Lsq(x, step, before, after, -2, 1), x, step, before, after))),
            };
        }
    }

    private IEnumerable<DeviceRow> StatsQ()
    {
        var w = target.Random(ScalarType.Float32, Inner, Hidden);
        var made = empty_like(w);
        yield return Row("statsq", $"values of 2 bits, {Inner} × {Hidden}, float32", () =>
            CompilerServices.StatsQ.Quantize(w, 2, made)) with
        {
            Entries = w.numel(),
            Bytes = w.numel() * 12.0, // a second reading: a row fits the cache, and is counted as if it did not
            Others = Others(("eager", () => EagerQuantizers.StatsQ(w, 2)), ("copy", () => made.copy_(w))),
        };
    }

    private IEnumerable<DeviceRow> LevelProduct()
    {
        foreach (var (name, batch, channels) in ((string, long, long)[])[("DeiT-T", 128, 192), ("DeiT-S", 64, 384)])
        {
            var (n, inner) = (target.Size(batch * 198, 20), target.Size(channels, 24));
            var x = target.Random(ScalarType.Float32, n, inner);
            var w = target.Random(ScalarType.Float32, 4 * inner, inner);
            var step = full(1, 0.7f, device: target.Device);
            var levels = ActivationLevels.Of(x, step, null, LevelRange.Signed(2));
            var codes = CompilerServices.StatsQ.Codes(w, 2);
            var (halfX, halfW) = (x.to(Half), w.to(Half));
            yield return Row("level-product", $"{name}, {n} × {inner} to {4 * inner}", () =>
                IntegerProduct.Linear(levels, codes, step, null, null)) with
            {
                Entries = n * 4 * inner,
                Others = Others(
                    ("float32 product", () => nn.functional.linear(x, w)),
                    ("bfloat16 product", () => nn.functional.linear(halfX, halfW))),
            };
        }
    }

    private IEnumerable<DeviceRow> RmsNorm()
    {
        var x = target.Random(Half, Tokens, Hidden).requires_grad_();
        using var norm = new Marrow.RmsNorm("norm", Hidden, 1e-5, zeroCentered: false, Half, target.Device);
        norm.Weight.requires_grad_(false);
        yield return Row("rms-norm", $"both ways, {Tokens} × {Hidden}, bfloat16", () => Backward(norm.call(x), x)) with
        {
            Entries = x.numel(),
            Bytes = x.numel() * 10.0, // x and y; x, dy and dx
            Others = Others(("eager", () => Backward(Eager(() => norm.call(x)), x))),
        };
    }

    private IEnumerable<DeviceRow> BoneAdapt()
    {
        var (w, block) = Blocks();
        yield return Row("bone-adapt", $"W′, blocks of 64, {Inner} × {Hidden}, bfloat16", () =>
            BlockAffine.Adapt(w, block)) with
        {
            Entries = w.numel(),
            Bytes = w.numel() * 4.0,
            Others = Others(("eager", () => EagerAdapters.BoneRowWeight(w, block))),
        };
    }

    private IEnumerable<DeviceRow> BoneGradient()
    {
        var (w, block) = Blocks();
        var (x, dy) = (target.Random(Half, Tokens, Hidden), target.Random(Half, Tokens, Inner));
        yield return Row("bone-gradient", $"dB with dyᵀ x, {Inner} × {Hidden}, bfloat16", () =>
            BlockAffine.BlockGradient(w, block, dy, x)) with
        {
            Entries = w.numel(),
            Others = Others(("dyᵀ x alone", () => dy.t().mm(x))),
        };
    }

    private IEnumerable<DeviceRow> Rotary()
    {
        var (batch, tokens, heads, size) = (target.Size(8, 1), target.Size(512, 5), target.Size(32, 2), 128L);
        var x = target.Random(Half, batch, tokens, heads, size).requires_grad_();
        var angles = target.Random(ScalarType.Float32, tokens, size);
        var (cos, sin) = (angles.cos().to(Half), angles.sin().to(Half));
        yield return Row("rotary", $"both ways, {batch} × {tokens} × {heads} × {size}, bfloat16", () =>
            Backward(RotaryEmbedding.Rotate(x, cos, sin), x)) with
        {
            Entries = x.numel(),
            Bytes = x.numel() * 8.0,
            Others = Others(("eager", () => Backward(Eager(() => RotaryEmbedding.Rotate(x, cos, sin)), x))),
        };
    }

    private IEnumerable<DeviceRow> SwiGlu()
    {
        var (gate, up) = (
            target.Random(Half, Tokens, Inner).requires_grad_(), target.Random(Half, Tokens, Inner).requires_grad_());
        yield return Row("swiglu", $"both ways, {Tokens} × {Inner}, bfloat16", () =>
            Backward(GatedUnit.Silu(gate, up), gate, up)) with
        {
            Entries = gate.numel(),
            Bytes = gate.numel() * 16.0, // gate, up and y; those with dy, and two gradients
            Others = Others(("eager", () => Backward(nn.functional.silu(gate) * up, gate, up))),
        };
    }

    private IEnumerable<DeviceRow> AdamW()
    {
        var layers = target.Size(32, 1);
        long[] rows = [Hidden, Hidden, Hidden, Hidden, Inner, Inner, Hidden];
        var parameters = Enumerable.Range(0, (int)layers).SelectMany(_ => rows).Select(outer =>
            new Parameter(target.Random(ScalarType.Float32, outer, 64))).ToList();
        foreach (var parameter in parameters)
        {
            parameter.grad = target.Random(ScalarType.Float32, parameter.shape);
        }

        using var fused = new FusedAdamW([.. parameters.Select((value, i) => new TrainedParameter($"{i}", value))]);
        using var eager = optim.AdamW(parameters, 1e-4);
        var entries = parameters.Sum(parameter => (double)parameter.numel());
        yield return Row("adamw", $"{entries / 1e6:F0} M entries of {parameters.Count} tensors, float32", () =>
            fused.Step(1e-4)) with
        {
            Entries = entries,
            Bytes = entries * 28,
            Others = Others(("TorchSharp's", () => eager.step())),
            Goal = "28 bytes an entry",
        };
    }

    private (PackedWeight Packed, Tensor Weight) Packed(int bits)
    {
        using var scope = NewDisposeScope();
        var weight = target.Random(Half, Inner, Hidden);
        var packed = PackedWeight.Of(CompilerServices.StatsQ.Codes(weight, bits), bits, isOdd: true);
        return (packed with
        {
            Words = packed.Words.MoveToOuterDisposeScope(),
            Scale = packed.Scale.to(Half).MoveToOuterDisposeScope(),
        }, weight.MoveToOuterDisposeScope());
    }

    private (Tensor Weight, Tensor Block) Blocks()
    {
        const long r = 64;
        return (target.Random(Half, Inner, Hidden), target.Random(Half, Inner / r, r, r) * 0.01);
    }

    private DeviceRow Row(string name, string sizes, Action way)
    {
        way();
        target.Driver.Launched.Clear();
        way();
        var launches = target.Driver.Launched.Count;
        return new(name, sizes, target.Time(way), launches);
    }

    private Dictionary<string, double> Others(params (string Name, Action Way)[] ways) =>
        ways.ToDictionary(way => way.Name, way => target.Time(way.Way));

    private static Tensor Eager(Func<Tensor> way)
    {
        using var eager = new EagerMode();
        return way();
    }

    private static void Backward(Tensor y, params Tensor[] leaves)
    {
        y.backward([ones_like(y)]);
        foreach (var leaf in leaves)
        {
            using var gradient = leaf.grad;
            leaf.grad = null;
        }

        ReturnedGradients.Free();
    }
}
