using Marrow.Autograd;
using Marrow.CompilerServices;
using Marrow.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Benchmarks;

/// <summary>Two blocks of a LLaMA with Bone row on all projections.</summary>
[Bone(BlockSize = 64)]
internal sealed partial class TwoBlocks()
    : Llama(vocabulary: 2048, hidden: 1024, intermediate: 2816, layers: 2, heads: 16, keyValueHeads: 16, context: 512);

/// <summary>
/// A training step on 512 tokens: forward, backward, AdamW. The eager way has the same weights in functions as one
/// writes them in TorchSharp, and TorchSharp's own optimizer.
/// </summary>
internal sealed class LlamaStep : IDisposable
{
    public const string Name = "llama-step";

    private readonly TwoBlocks model = new();
    private readonly Tensor ids = randint(0, 2048, [1, 512]), labels = randint(0, 2048, [512]);
    private readonly FusedAdamW fused;
    private readonly AdamW eager;

    public LlamaStep()
    {
        using (no_grad())
        {
            foreach (var parameter in model.AdapterParameters()) parameter.normal_(0, 0.01);
        }

        fused = new FusedAdamW(TrainedParameter.Of(model), weightDecay: 0);
        eager = optim.AdamW(model.AdapterParameters(), 1e-6, weight_decay: 0);
    }

    public Action Way(string name) => name == "fused"
        ? () => Step(() => model.call(ids), () => fused.Step(1e-6))
        : () => Step(Eager, () => eager.step());

    public void Dispose()
    {
        model.Dispose();
        fused.Dispose();
        eager.Dispose();
    }

    private void Step(Func<Tensor> forward, Action update)
    {
        using var scope = NewDisposeScope();
        cross_entropy(forward().flatten(0, 1), labels).backward();
        update();
        ReturnedGradients.Free();
        foreach (var parameter in model.AdapterParameters())
        {
            using var gradient = parameter.grad;
            parameter.grad = null;
        }
    }

    private Tensor Eager()
    {
        var x = model.EmbedTokens.Weight[ids];
        var angles = outer(arange(512, dtype: float32), pow(10000, arange(0, 64, 2, dtype: float32) / -64));
        var (cos, sin) = (cat([angles, angles], -1).cos(), cat([angles, angles], -1).sin());
        foreach (var block in model.Layers)
        {
            var attention = block.SelfAttn;
            var normed = Norm(x, block.InputLayernorm.Weight);
            var (q, k, v) = (Rotate(Heads(Project(attention.QProj!, normed)), cos, sin),
                Rotate(Heads(Project(attention.KProj!, normed)), cos, sin), Heads(Project(attention.VProj!, normed)));
            x = x + Project(attention.OProj,
                scaled_dot_product_attention(q, k, v, is_casual: true).transpose(1, 2).reshape(x.shape));
            var second = Norm(x, block.PostAttentionLayernorm.Weight);
            x = x + Project(block.Mlp.DownProj,
                silu(Project(block.Mlp.GateProj!, second)) * Project(block.Mlp.UpProj!, second));
        }

        return linear(Norm(x, model.Norm.Weight), model.LmHead.Weight);
    }

    private static Tensor Project(Linear layer, Tensor x) =>
        EagerAdapters.BoneRow(x, layer.Weight, ((AdaptedLinear)layer).Adapter.Single().Value);

    private static Tensor Norm(Tensor x, Tensor weight) =>
        x * (x.square().mean([-1], keepdim: true) + 1e-5).rsqrt() * weight;

    private static Tensor Heads(Tensor x) => x.view(1, 512, 16, 64).transpose(1, 2);

    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin) =>
        (x * cos) + (cat([-x.narrow(-1, 32, 32), x.narrow(-1, 0, 32)], -1) * sin);
}
