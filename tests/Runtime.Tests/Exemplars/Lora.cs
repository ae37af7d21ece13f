using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>y = x Wᵀ + s (x Aᵀ) Bᵀ + b</summary>
internal sealed class Lora : AdaptedLinear
{
    private readonly double scale;

    public Lora(LinearSite site, LoraSettings settings)
        : base(site)
    {
        (Settings, scale) = (settings, settings.Scale);
        AddAdapter("lora_A", bound: 1 / Math.Sqrt(InFeatures), [settings.Rank, InFeatures]);
        AddAdapter("lora_B", OutFeatures, settings.Rank);
    }

    public override AdapterSettings Settings { get; }

    private Tensor A => GetParameter("lora_A"); // [r, in]

    private Tensor B => GetParameter("lora_B"); // [out, r]

    public override Tensor AdaptedWeight() => Weight + scale * B.mm(A); // W + s B A

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        var down = x.mm(A.t()).mul_(scale); // s x Aᵀ [n, r]
        saved.Keep(x, down);
        return linear(x, Weight, Bias).addmm_(down, B.t()); // [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        var (x, down) = (saved[0], saved[1]);

        // dB = dyᵀ (s x Aᵀ),    dA = dDownᵀ x,    dDown = s dy B
        var dB = dy.t().mm(down);
        var dDown = dy.mm(B).mul_(scale); // [n, r]
        var dA = dDown.t().mm(x);

        // dx = dy W + dDown A
        return new(saved.NeedsInput ? dy.mm(Weight).addmm_(dDown, A) : null, dA, dB);
    }
}
