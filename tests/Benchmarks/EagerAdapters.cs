using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>The adapters as one writes them in TorchSharp: the published formulas, and autograd for the rest.</summary>
internal static class EagerAdapters
{
    public static Tensor BoneRow(Tensor x, Tensor weight, Tensor block) =>
        nn.functional.linear(x, BoneRowWeight(weight, block));

    public static Tensor BoneRowWeight(Tensor weight, Tensor block)
    {
        var (outFeatures, inFeatures, r) = (weight.shape[0], weight.shape[1], block.shape[1]);
        var blocks = weight.reshape(outFeatures / r, r, inFeatures / r, r).permute(2, 0, 1, 3);
        return weight + (blocks.matmul(block) + block).permute(1, 2, 0, 3).reshape(outFeatures, inFeatures);
    }

    public static Tensor BoneColumn(Tensor x, Tensor weight, Tensor block)
    {
        var (outFeatures, inFeatures, r) = (weight.shape[0], weight.shape[1], block.shape[1]);
        var blocks = weight.reshape(outFeatures / r, r, inFeatures / r, r).permute(0, 2, 1, 3);
        var delta = (blocks.matmul(block) + block).permute(0, 2, 1, 3).reshape(outFeatures, inFeatures);
        return nn.functional.linear(x, weight + delta);
    }

    public static Tensor BoneFree(Tensor x, Tensor weight, Tensor block)
    {
        var sum = x.reshape(x.shape[0], -1, block.shape[0]).sum(1);
        return nn.functional.linear(x, weight) + sum.matmul(block);
    }

    public static Tensor Lora(Tensor x, Tensor weight, Tensor a, Tensor b, double scale) =>
        nn.functional.linear(x, weight) + (nn.functional.linear(nn.functional.linear(x, a), b) * scale);
}
