using Marrow.Models;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Generation;

/// <summary>GPT-2, as a user writes it: the guide's example.</summary>
[Model]
public partial class Gpt2(int vocabulary, int width, int layers, int heads, int context, double dropout = 0.1)
    : ICausalModel
{
    [Embedding(nameof(vocabulary), nameof(width))] public partial Embedding Wte { get; }
    [Embedding(nameof(context), nameof(width))] public partial Embedding Wpe { get; }

    [Block(nameof(width), nameof(heads), nameof(dropout), Count = nameof(layers))]
    public partial ModuleList<Gpt2Block> H { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm LnF { get; }

    [Head, Linear(nameof(width), nameof(vocabulary), Bias = false, Tie = nameof(Wte))]
    public partial Linear LmHead { get; }

    public int? Context => context;

    public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);

    [Forward]
    private Tensor Network(Tensor ids)
    {
        var first = CachedDecoding.Position;
        var x = Wte.call(ids) + Wpe.call(arange(first, first + ids.size(1), device: ids.device));
        foreach (var block in H)
        {
            x = block.call(x);
        }

        return CausalHead.Apply(x, stream => LmHead.call(LnF.call(stream)));
    }
}

[Model]
public partial class Gpt2Block(int width, int heads, double dropout)
{
    [LayerNorm(nameof(width))] public partial LayerNorm Ln1 { get; }

    [Block(nameof(width), nameof(heads), nameof(heads), true, 0, true, true, nameof(dropout))]
    public partial SelfAttention Attn { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Ln2 { get; }

    [Linear(nameof(width), "4 * width")] public partial Linear CFc { get; }
    [Linear("4 * width", nameof(width))] public partial Linear CProj { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        x = x + Attn.call(Ln1.call(x));
        return x + CProj.call(gelu(CFc.call(Ln2.call(x))));
    }
}
