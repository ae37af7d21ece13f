using Marrow.Adapters;
using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>y = x Wᵀ + s (D x Aᵀ) Bᵀ + b,    D a dropout mask / (1 − p) in training</summary>
internal sealed class LoraDropout : AdaptedLinear
{
    private readonly double scale;
    private readonly double dropout;

    public LoraDropout(LinearSite site, LoraSettings settings)
        : base(site)
    {
        (Settings, scale, dropout) = (settings, settings.Scale, settings.Dropout);
        AddAdapter("lora_A", bound: 1 / Math.Sqrt(InFeatures), [settings.Rank, InFeatures]);
        AddAdapter("lora_B", OutFeatures, settings.Rank);
    }

    public override AdapterSettings Settings { get; }

    private Tensor A => GetParameter("lora_A"); // [r, in]

    private Tensor B => GetParameter("lora_B"); // [out, r]

    public override Tensor AdaptedWeight() => Weight + scale * B.mm(A); // W + s B A

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        var mask = training ? DropoutMask.Draw(x, dropout) : null; // D [n, in]
        var down = DropoutMask.Apply(x, mask, dropout).mm(A.t()).mul_(scale); // s D x Aᵀ [n, r]
        saved.Keep(x, down, mask); // one byte an entry, where D x would take as much as x
        return linear(x, Weight, Bias).addmm_(down, B.t()); // [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        var (x, down, mask) = (saved[0], saved[1], saved.Optional(2));

        // dB = dyᵀ (s D x Aᵀ),    dA = dDownᵀ D x,    dDown = s dy B
        var dB = dy.t().mm(down);
        var dDown = dy.mm(B).mul_(scale); // [n, r]
        var dA = dDown.t().mm(DropoutMask.Apply(x, mask, dropout));

        // dx = dy W + D (dDown A)
        return new(saved.NeedsInput ? dy.mm(Weight).add_(DropoutMask.Apply(dDown.mm(A), mask, dropout)) : null, dA, dB);
    }
}
