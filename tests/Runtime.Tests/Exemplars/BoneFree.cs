using Marrow.Adapters;
using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>y = x Wᵀ + S(x) M + b,    S(x)_k = Σ of x_j over all j with j mod r = k</summary>
internal sealed class BoneFree : AdaptedLinear
{
    private readonly long blockSize;

    public BoneFree(LinearSite site, long blockSize)
        : base(site)
    {
        this.blockSize = blockSize;
        Settings = new BoneSettings(BoneForm.Free, blockSize);
        AddAdapter("miss_block", blockSize, OutFeatures);
    }

    public override AdapterSettings Settings { get; }

    private Tensor Block => GetParameter("miss_block"); // M [r, out]

    public override Tensor AdaptedWeight()
    {
        // W′[o,j] = W[o,j] + M[j mod r, o]
        return Weight + Block.t().repeat(1, (InFeatures + blockSize - 1) / blockSize).narrow(1, 0, InFeatures);
    }

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        var sum = Shards.Sum(x, blockSize); // S(x) [n, r]
        saved.Keep(sum);
        return linear(x, Weight, Bias).addmm_(sum, Block); // [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        // dM = S(x)ᵀ dy
        var dBlock = saved[0].t().mm(dy);
        if (!saved.NeedsInput)
        {
            return new(null, dBlock);
        }

        // dx = dy W + tile(dy Mᵀ)
        var dx = dy.mm(Weight);
        Shards.AddTiled(dx, dy.mm(Block.t()));
        return new(dx, dBlock);
    }
}
