using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>One whose head shares the embedding.</summary>
[Model]
public partial class TiedDecoder
{
    [Embedding(11, 8), Name("embed_tokens")] public partial Embedding Embed { get; }

    [Linear(8, 8), Name("q_proj")] public partial Linear Q { get; }

    [Head, Linear(8, 11, Bias = false, Tie = nameof(Embed))] public partial Linear LmHead { get; }

    [Forward]
    private Tensor Network(Tensor ids) => LmHead.call(Embed.call(ids).tanh());
}

/// <summary>Adapters of a head and an embedding that have one weight in the base.</summary>
public sealed class TiedHeadTests : AdapterFolderTests
{
    /// <summary>PEFT trains a copy of a weight that two layers share, unless it is told otherwise.</summary>
    [Theory]
    [InlineData("""{"modules_to_save":["lm_head"]}""", 0f, 1f, false)]
    [InlineData("""{"modules_to_save":["lm_head","embed_tokens"]}""", 2f, 1f, false)]
    [InlineData("""{"modules_to_save":["embed_tokens"]}""", 2f, 0f, false)]
    [InlineData("""{"modules_to_save":["embed_tokens"],"ensure_weight_tying":true}""", 2f, 0f, true)]
    [InlineData("""{"modules_to_save":["embed_tokens"],"ensure_weight_tying":true}""", 2f, 2f, true)]
    public void HeadThatSharesTheEmbedding_IsTrainedApart_UnlessTied(
        string fields, float table, float head, bool isTied)
    {
        using var scope = NewDisposeScope();
        using var model = new TiedDecoder();
        using var before = model.LmHead.Weight.clone();
        model.SavePretrained(At("base"));
        Write(
            """{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q_proj"]}""",
            fields,
            [
                .. Lora("q_proj", 2),
                .. new[] { ("embed_tokens", table), ("lm_head", head) }
                    .Where(layer => layer.Item2 > 0)
                    .Select(layer => ($"base_model.model.{layer.Item1}.weight", full([11, 8], layer.Item2))),
            ]);
        model.LoadAdapter(Folder);
        var expected = head > 0 ? full([11, 8], head) : isTied ? full([11, 8], table) : before;
        Assert.True(model.LmHead.Weight.equal(expected).all().item<bool>());
        Assert.True(model.Embed.Weight.equal(table > 0 ? full([11, 8], table) : before).all().item<bool>());
        model.SaveAdapter(At("again"));
        using var second = new TiedDecoder();
        second.LoadPretrained(At("base"));
        second.LoadAdapter(At("again"));
        Assert.True(second.call(Ids).equal(model.call(Ids)).all().item<bool>());
    }

    [Theory]
    [InlineData("""{"target_modules":["lm_head"]}""")]
    [InlineData("""{"target_modules":["embed_tokens","lm_head"]}""")]
    [InlineData("""{"target_modules":["embed_tokens"],"ensure_weight_tying":true}""")]
    public void AdaptedHeadThatSharesTheEmbedding_IsMergedIntoAWeightOfItsOwn(string fields)
    {
        using var scope = NewDisposeScope();
        using var model = new TiedDecoder();
        var table = model.LmHead.Weight.clone();
        Write(
            """{"peft_type":"LORA","r":2,"lora_alpha":2}""",
            fields,
            [
                ("base_model.model.lm_head.lora_A.weight", full([2, 8], 0.5f)),
                ("base_model.model.lm_head.lora_B.weight", ones(11, 2)),
                .. fields.Contains("embed")
                    ? new[]
                    {
                        ("base_model.model.embed_tokens.lora_embedding_A", ones(2, 11)),
                        ("base_model.model.embed_tokens.lora_embedding_B", full([8, 2], 0.5f)),
                    }
                    : [],
            ]);
        model.LoadAdapter(Folder);
        var x = model.Embed.call(Ids).tanh();
        Assert.True(model.call(Ids).allclose(nn.functional.linear(x, table + 1), atol: 1e-5));
        model.Merge();
        Assert.True(model.LmHead.Weight.allclose(table + 1));
        Assert.True(model.Embed.Weight.allclose(fields.Contains("embed") ? table + 1 : table));
    }

    [Fact]
    public void AdaptedEmbedding_WhoseWeightTheHeadShares_LeavesTheHeadAsItWas()
    {
        using var scope = NewDisposeScope();
        using var model = new TiedDecoder();
        model.SavePretrained(At("base"));
        Write(
            """{"peft_type":"LORA","r":2,"lora_alpha":2,"target_modules":["embed_tokens"]}""",
            "{}",
            [
                ("base_model.model.embed_tokens.lora_embedding_A", ones(2, 11)),
                ("base_model.model.embed_tokens.lora_embedding_B", ones(8, 2)),
                ("base_model.model.embed_tokens.base_layer.weight", full([11, 8], 3f)),
            ]);
        model.LoadAdapter(Folder);
        var y = model.call(Ids);
        model.Merge();
        Assert.True(model.LmHead.Weight.eq(3).all().item<bool>());
        Assert.True(model.Embed.Weight.eq(5).all().item<bool>());
        Assert.True(model.call(Ids).allclose(y, atol: 1e-5));
        model.Unmerge();
        model.SaveAdapter(At("again"));
        using var second = new TiedDecoder();
        second.LoadPretrained(At("base"));
        second.LoadAdapter(At("again"));
        Assert.True(second.call(Ids).allclose(y, atol: 1e-5));
    }
}
