using Marrow.Adapters;
using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>y = x Wᵀ + tile(S(x) M) + b,    S(x)_k = Σ of x_j over all j with j mod r = k</summary>
internal sealed class BoneMini : AdaptedLinear
{
    private readonly long blockSize;
    private readonly long miniRank;

    public BoneMini(LinearSite site, long blockSize, long miniRank)
        : base(site)
    {
        (this.blockSize, this.miniRank) = (blockSize, miniRank);
        Settings = new BoneSettings(BoneForm.Mini, blockSize, miniRank);
        AddAdapter("miss_block", blockSize, miniRank);
    }

    public override AdapterSettings Settings { get; }

    private Tensor Block => GetParameter("miss_block"); // M [r, m]

    public override Tensor AdaptedWeight()
    {
        // W′[o,j] = W[o,j] + M[j mod r, o mod m]
        return Weight + Block.t().repeat(OutFeatures / miniRank, (InFeatures + blockSize - 1) / blockSize).narrow(1, 0, InFeatures);
    }

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        var sum = Shards.Sum(x, blockSize); // S(x) [n, r]
        saved.Keep(sum);
        var y = linear(x, Weight, Bias);
        Shards.AddTiled(y, sum.mm(Block)); // + tile(S(x) M)
        return y; // [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        // dM = S(x)ᵀ g,    g = Σ of dy over the repeats
        var g = Shards.Sum(dy, miniRank); // [n, m]
        var dBlock = saved[0].t().mm(g);
        if (!saved.NeedsInput)
        {
            return new(null, dBlock);
        }

        // dx = dy W + tile(g Mᵀ)
        var dx = dy.mm(Weight);
        Shards.AddTiled(dx, g.mm(Block.t()));
        return new(dx, dBlock);
    }
}
