using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

/// <summary>A block of a decoder with names of its own.</summary>
[Model]
public partial class OwnBlock(int width)
{
    [LayerNorm(nameof(width))] public partial LayerNorm Norm1 { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Query { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Key { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Value { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Out { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm2 { get; }

    [Linear(nameof(width), "4 * width")] public partial Linear Up { get; }

    [Linear("4 * width", nameof(width))] public partial Linear Down { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        var y = Norm1.call(x);
        x = x + Out.call(nn.functional.softmax(Query.call(y).matmul(Key.call(y).mT), -1).matmul(Value.call(y)));
        return x + Down.call(nn.functional.gelu(Up.call(Norm2.call(x))));
    }
}

/// <summary>A decoder that reads GPT-2's checkpoints: Conv1D layout, fused attention, a prefix, buffers.</summary>
[Model]
[Checkpoint(
    Prefix = "transformer.",
    Unprefixed = "lm_head",
    Transpose = "*.c_attn|*.c_proj|*.c_fc",
    Ignore = "*.attn.bias|*.attn.masked_bias")]
[Rename("h.*.ln_1", "blocks.*.norm1"), Rename("h.*.ln_2", "blocks.*.norm2")]
[Split("h.*.attn.c_attn", "blocks.*.query", "blocks.*.key", "blocks.*.value")]
[Rename("h.*.attn.c_proj", "blocks.*.out")]
[Rename("h.*.mlp.c_fc", "blocks.*.up"), Rename("h.*.mlp.c_proj", "blocks.*.down")]
public partial class OwnGpt2(int vocabulary, int width, int depth)
{
    [Embedding(nameof(vocabulary), nameof(width))] public partial Embedding Wte { get; }

    [Embedding(16, nameof(width))] public partial Embedding Wpe { get; }

    [Block(nameof(width), Count = nameof(depth))] public partial ModuleList<OwnBlock> Blocks { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm LnF { get; }

    [Head, Linear(nameof(width), nameof(vocabulary), Bias = false)] public partial Linear LmHead { get; }

    [Forward]
    private Tensor Network(Tensor ids)
    {
        var x = Wte.call(ids) + Wpe.call(arange(ids.size(1), dtype: int64));
        return LmHead.call(LnF.call(Blocks.Aggregate(x, (y, block) => block.call(y))));
    }
}

public partial class SmallGpt2() : OwnGpt2(11, 8, 2);

[Lora(Rank = 2)]
public partial class LoraGpt2() : OwnGpt2(11, 8, 2);

[Lora(Rank = 2, Init = LoraInit.Pissa)]
public partial class PissaGpt2() : OwnGpt2(11, 8, 2);

[Lora(Rank = 2), Quantize(Bits = 8, Scope = QuantizeScope.FrozenBase)]
public partial class PackedGpt2() : OwnGpt2(11, 8, 2);

[Quantize(Bits = 4, Activations = 4)]
public partial class QuantizedGpt2() : OwnGpt2(11, 8, 2);

/// <summary>A variant with a layer and a rule of its own.</summary>
[Checkpoint(Unprefixed = "classifier", Ignore = "lm_extra")]
[Rename("classifier.out", "score")]
public partial class ScoredGpt2() : OwnGpt2(11, 8, 2)
{
    [Head, Linear(8, 3)] public partial Linear Score { get; }

    [Forward]
    private Tensor Classify(Tensor ids) => Score.call(Wte.call(ids));
}

/// <summary>An encoder that reads old checkpoints of BERT, whose norms have gamma and beta.</summary>
[Model]
[Checkpoint(Prefix = "bert.", Ignore = "embeddings.position_ids")]
[Rename("embeddings.*_embeddings", "*_table")]
[Rename("embeddings.LayerNorm", "norm")]
[Rename("encoder.layer.*.attention.output.LayerNorm", "layers.*.norm1")]
[Rename("encoder.layer.*.output.LayerNorm", "layers.*.norm2")]
[Rename("encoder.layer.*.attention.self", "layers.*.attention")]
[Rename("*.LayerNorm.gamma", "*.LayerNorm.weight"), Rename("*.LayerNorm.beta", "*.LayerNorm.bias")]
public partial class OwnBert(int width, int layers)
{
    [Embedding(9, nameof(width))] public partial Embedding WordTable { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [Block(nameof(width), Count = nameof(layers))] public partial ModuleList<OwnBertLayer> Layers { get; }

    [Forward]
    private Tensor Network(Tensor ids) =>
        Layers.Aggregate(Norm.call(WordTable.call(ids)), (x, layer) => layer.call(x));
}

[Model]
public partial class OwnBertLayer(int width)
{
    [Linear(nameof(width), nameof(width)), Name("attention.query")] public partial Linear Query { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm1 { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm2 { get; }

    [Forward]
    private Tensor Network(Tensor x) => Norm2.call(Norm1.call(x + Query.call(x)));
}

/// <summary>Fused layers of a model whose checkpoint has them apart; the block says it, relative to itself.</summary>
[Model]
[Checkpoint(Ignore = "rotary.inv_freq")]
[Fuse(
    "qkv", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
    Parts = new object[] { nameof(heads), nameof(keyHeads), nameof(keyHeads) })]
[Fuse("gate_up", "mlp.gate_proj", "mlp.up_proj")]
public partial class FusedBlock(int heads, int keyHeads, int size)
{
    [Linear("heads * size", "(heads + 2 * keyHeads) * size")] public partial Linear Qkv { get; }

    [Linear("heads * size", "2 * heads * size", Bias = false)] public partial Linear GateUp { get; }

    [Forward]
    private Tensor Network(Tensor x) => x + Qkv.call(x).narrow(-1, 0, x.size(-1)) + GateUp.call(x).chunk(2, -1)[0];
}

[Model, Rename("model.layers.*", "blocks.*")]
public partial class FusedModel(int heads, int keyHeads, int size, int depth)
{
    [Block(nameof(heads), nameof(keyHeads), nameof(size), Count = nameof(depth))]
    public partial ModuleList<FusedBlock> Blocks { get; }

    [Forward]
    private Tensor Network(Tensor x) => Blocks.Aggregate(x, (y, block) => block.call(y));
}

/// <summary>Attention whose quantized form has no fused qkv.</summary>
[Model, Checkpoint(Transpose = "*.c_attn"), Rename("attn.c_attn", "attention.qkv")]
public partial class OneAttention(int width)
{
    [Attention(nameof(width), 2, Tokens = 3)] public partial Attention Attention { get; }

    [Forward]
    private Tensor Network(Tensor x) => Attention.call(x);
}

public partial class PlainAttention() : OneAttention(8);

[Quantize(Bits = 4, Activations = 4), Qkr]
public partial class QkrOnly() : OneAttention(8);

/// <summary>A hand-written module, whose tensors the generator does not know.</summary>
public sealed class HandWritten : nn.Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.BatchNorm1d norm = nn.BatchNorm1d(4);

    public HandWritten()
        : base(nameof(HandWritten)) => RegisterComponents();

    public override Tensor forward(Tensor x) => norm.call(x);
}

[Model, Checkpoint(Ignore = "*.steps"), Rename("bn.gamma", "own.norm.weight"), Rename("bn", "own.norm")]
public partial class WithHandWritten
{
    [Block] public partial HandWritten Own { get; }

    [Forward]
    private Tensor Network(Tensor x) => Own.call(x);
}

/// <summary>Rules that suit or not by what is known only when a model is built.</summary>
[Model]
[Split("qk", "query", "key")]
public partial class Uneven(int query, int key, bool bias)
{
    [Linear(nameof(query), 4, Bias = nameof(bias))] public partial Linear Query { get; }

    [Linear(nameof(key), 4, Bias = false)] public partial Linear Key { get; }

    [Forward]
    private Tensor Network(Tensor x) => Query.call(x) + Key.call(x);
}
