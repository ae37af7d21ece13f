using Marrow.Autograd;
using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>
/// Forward and backward of one adapted layer (float32, frozen weight, x requires a gradient) against the plain frozen
/// layer, against eager TorchSharp, and for the row form against its floor: three products of that size.
/// </summary>
internal static class AdapterBenchmarks
{
    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        set_num_threads(2);
        var adapters = new (string Name, long Rows, Func<OneLinear> Create, Func<Tensor, Tensor, Tensor[], Tensor> Eager)[]
        {
            ("bone-row", 1024, () => new BoneRow1024(), (x, w, p) => EagerBone.Row(x, w, p[0])),
            ("bone-row", 256, () => new BoneRow2048(), (x, w, p) => EagerBone.Row(x, w, p[0])),
            ("bone-column", 1024, () => new BoneColumn1024(), (x, w, p) => EagerBone.Column(x, w, p[0])),
            ("bone-column", 256, () => new BoneColumn2048(), (x, w, p) => EagerBone.Column(x, w, p[0])),
            ("bone-free", 1024, () => new BoneFree1024(), (x, w, p) => EagerBone.Free(x, w, p[0])),
            ("bone-free", 256, () => new BoneFree2048(), (x, w, p) => EagerBone.Free(x, w, p[0])),
            ("lora", 1024, () => new Lora1024(), (x, w, p) => EagerBone.Lora(x, w, p[0], p[1], 1)),
            ("lora", 256, () => new Lora2048(), (x, w, p) => EagerBone.Lora(x, w, p[0], p[1], 1)),
        };
        foreach (var (name, rows, create, eager) in adapters.Where(adapter => wanted(adapter.Name)))
        {
            using var model = create();
            foreach (var result in Compare(name, (AdaptedLinear)model.Layer, eager, rows))
            {
                yield return result;
            }
        }
    }

    private static List<Measurement> Compare(
        string name, AdaptedLinear layer, Func<Tensor, Tensor, Tensor[], Tensor> eager, long rows)
    {
        using var scope = NewDisposeScope();
        var parameters = layer.Adapter.Select(pair => pair.Value).ToArray();
        foreach (var parameter in parameters)
        {
            using var noGrad = no_grad();
            parameter.normal_(0, 0.01);
        }

        var weight = layer.Weight;
        var x = randn(rows, layer.InFeatures, requires_grad: true);
        var dy = randn(rows, layer.OutFeatures);
        void Fused() => Step(() => layer.call(x));
        void Eager() => Step(() => eager(x, weight, parameters));
        void Plain() => Step(() => nn.functional.linear(x, weight));
        void Floor()
        {
            using var inner = NewDisposeScope();
            using var noGrad = no_grad();
            nn.functional.linear(x, weight);
            dy.mm(weight);
            dy.t().mm(x);
        }

        var size = $"{layer.InFeatures}x{layer.OutFeatures}, {rows} rows";
        var times = new SideBySide().Add("fused", Fused).Add("eager", Eager).Add("plain", Plain).Add("floor", Floor).Run();
        var results = new List<Measurement>
        {
            new(name, size, "time", times["fused"] / times["plain"], "plain frozen layer"),
            new(name, size, "time", times["fused"] / times["eager"], "eager TorchSharp"),
        };
        if (name == "bone-row")
            results.Add(new(name, size, "time", times["fused"] / times["floor"], "three matrix products"));
        if (PeakMemory.IsAvailable)
        {
            double plain = PeakMemory.Of(Plain);
            results.Add(new(
                name, size, "peak memory over the plain layer",
                Math.Max(0, PeakMemory.Of(Fused) - plain) / (PeakMemory.Of(Eager) - plain), "eager TorchSharp"));
        }

        return results;

        void Step(Func<Tensor> forward)
        {
            using var inner = NewDisposeScope();
            forward().backward([dy]);
            foreach (var leaf in parameters.Append(x))
            {
                using var gradient = leaf.grad;
                leaf.grad = null;
            }

            ReturnedGradients.Free();
        }
    }
}
