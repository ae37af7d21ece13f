using Marrow.Autograd;
using Marrow.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Benchmarks;

/// <summary>
/// One adapted layer at one size, float32, frozen weight, x requires a gradient. Each way runs forward and backward and
/// leaves nothing behind.
/// </summary>
internal sealed class AdapterCase : IDisposable
{
    public static readonly IReadOnlyList<string> Adapters = ["bone-row", "bone-column", "bone-free", "lora"];

    /// <summary>Features of x and y. The larger weight meets fewer rows.</summary>
    public static readonly IReadOnlyList<long> Sizes = [1024, 2048];

    private readonly OneLinear model;
    private readonly AdaptedLinear layer;
    private readonly Parameter weight;
    private readonly Parameter[] parameters;
    private readonly Tensor x, dy;
    private readonly Func<Tensor> eager;

    public AdapterCase(string adapter, long features)
    {
        model = (adapter, features) switch
        {
            ("bone-row", 1024) => new BoneRow1024(),
            ("bone-row", _) => new BoneRow2048(),
            ("bone-column", 1024) => new BoneColumn1024(),
            ("bone-column", _) => new BoneColumn2048(),
            ("bone-free", 1024) => new BoneFree1024(),
            ("bone-free", _) => new BoneFree2048(),
            (_, 1024) => new Lora1024(),
            _ => new Lora2048(),
        };
        layer = (AdaptedLinear)model.Layer;
        weight = layer.Weight;
        parameters = [.. layer.Adapter.Select(pair => pair.Value)];
        using (no_grad())
            foreach (var parameter in parameters) parameter.normal_(0, 0.01);
        var rows = Rows(features);
        (x, dy) = (randn(rows, features, requires_grad: true), randn(rows, features));
        eager = adapter switch
        {
            "bone-row" => () => EagerAdapters.BoneRow(x, weight, parameters[0]),
            "bone-column" => () => EagerAdapters.BoneColumn(x, weight, parameters[0]),
            "bone-free" => () => EagerAdapters.BoneFree(x, weight, parameters[0]),
            _ => () => EagerAdapters.Lora(x, weight, parameters[0], parameters[1], 1),
        };
    }

    /// <summary>Rows of x.</summary>
    public static long Rows(long features) => features == 1024 ? 1024 : 256;

    /// <summary>fused, eager or plain.</summary>
    public Action Way(string name) => name switch
    {
        "fused" => () => Step(() => layer.call(x)),
        "eager" => () => Step(eager),
        _ => () => Step(() => linear(x, weight)),
    };

    /// <summary>The least that the row form can do: three products of that size.</summary>
    public void ThreeProducts()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        linear(x, weight);
        dy.mm(weight);
        dy.t().mm(x);
    }

    public void Dispose()
    {
        model.Dispose();
        x.Dispose();
        dy.Dispose();
    }

    private void Step(Func<Tensor> forward)
    {
        using var scope = NewDisposeScope();
        forward().backward([dy]);
        foreach (var leaf in parameters.Append(x))
        {
            using var gradient = leaf.grad;
            leaf.grad = null;
        }

        ReturnedGradients.Free();
    }
}
