using Marrow.Autograd;
using Marrow.Tests.Exemplars;
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

    /// <summary>Rows of x, and features of x and y.</summary>
    public static readonly IReadOnlyList<(long Rows, long Features)> Sizes = [(1024, 1024), (256, 2048)];

    private const long BlockSize = 64, Rank = 36;

    private readonly AdaptedLinear layer;
    private readonly Tensor weight, x, dy;
    private readonly Tensor[] parameters;
    private readonly Func<Tensor> eager;

    public AdapterCase(string adapter, long rows, long features)
    {
        var site = new LinearSite("layer", features, features, HasBias: false, float32, CPU);
        layer = adapter switch
        {
            "bone-row" => new BoneRow(site, BlockSize),
            "bone-column" => new BoneColumn(site, BlockSize),
            "bone-free" => new BoneFree(site, BlockSize),
            _ => new Lora(site, new(Rank, Rank)),
        };
        weight = layer.Weight;
        parameters = [.. layer.Adapter.Select(pair => pair.Value)];
        using (no_grad())
            foreach (var parameter in parameters) parameter.normal_(0, 0.01);
        (x, dy) = (randn(rows, features, requires_grad: true), randn(rows, features));
        eager = adapter switch
        {
            "bone-row" => () => EagerAdapters.BoneRow(x, weight, parameters[0]),
            "bone-column" => () => EagerAdapters.BoneColumn(x, weight, parameters[0]),
            "bone-free" => () => EagerAdapters.BoneFree(x, weight, parameters[0]),
            _ => () => EagerAdapters.Lora(x, weight, parameters[0], parameters[1], 1),
        };
    }

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
        layer.Dispose();
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
