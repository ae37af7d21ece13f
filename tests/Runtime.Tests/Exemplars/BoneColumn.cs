using Marrow.Adapters;
using Marrow.Autograd;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Exemplars;

/// <summary>
/// y = x W′ᵀ + b,    W′[o,i] = W[o,i] (I + B[i]) + B[i]; moved to the input:
/// z_i = x_i B[i]ᵀ,    y = (x + z) Wᵀ + tile(Σ_i z_i) + b
/// </summary>
internal sealed class BoneColumn : AdaptedLinear
{
    private readonly long blockSize;

    public BoneColumn(LinearSite site, long blockSize)
        : base(site)
    {
        this.blockSize = blockSize;
        Settings = new BoneSettings(BoneForm.Column, blockSize);
        AddAdapter("bone_block", InFeatures / blockSize, blockSize, blockSize);
    }

    public override AdapterSettings Settings { get; }

    private Tensor Block => GetParameter("bone_block"); // B [in/r, r, r]

    public override Tensor AdaptedWeight()
    {
        var blocks = Weight.view(OutFeatures / blockSize, blockSize, InFeatures / blockSize, blockSize).transpose(1, 2); // W[o,i]
        return (blocks + blocks.matmul(Block) + Block).transpose(1, 2).reshape(OutFeatures, InFeatures);
    }

    protected override Tensor Forward(Saved saved, Tensor x)
    {
        saved.Keep(x);
        var z = Shards.Multiply(x, Block.transpose(1, 2)); // z_i = x_i B[i]ᵀ [in/r, n, r]
        using var turned = Shards.Plus(x, z); // x + z [n, in]
        var y = linear(turned, Weight, Bias);
        Shards.AddTiled(y, z.sum([0])); // + tile(Σ_i z_i)
        return y; // [n, out]
    }

    protected override Gradients Backward(Saved saved, Tensor dy)
    {
        // h_i = (dy W)_i + g,    g = Σ_o dy_o
        var dx = dy.mm(Weight);
        var h = Shards.Plus(dx, Shards.Sum(dy, blockSize).unsqueeze(0)); // [n, in]

        // dB[i] = h_iᵀ x_i
        var dBlock = Shards.Gradient(h, saved[0], blockSize);

        // dx_i = (dy W)_i + h_i B[i]
        return new(saved.NeedsInput ? Shards.Add(dx, Shards.Multiply(h, Block)) : null, dBlock);
    }
}
