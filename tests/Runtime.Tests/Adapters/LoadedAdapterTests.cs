using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>A block as decoders have them.</summary>
[Model]
public partial class PlainDecoderBlock(int width)
{
    [Linear(nameof(width), nameof(width)), Name("self_attn.q_proj")] public partial Linear Q { get; }

    [Linear(nameof(width), nameof(width), Bias = false), Name("self_attn.v_proj")] public partial Linear V { get; }

    [Linear(nameof(width), "2 * width", Bias = false), Name("mlp.up_proj")] public partial Linear Up { get; }

    [Linear("2 * width", nameof(width), Bias = false), Name("mlp.down_proj")] public partial Linear Down { get; }

    [RmsNorm(nameof(width)), Name("norm")] public partial RmsNorm Norm { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        var y = Norm.call(x);
        x = x + (Q.call(y).sigmoid() * V.call(y));
        return x + Down.call(Up.call(x).tanh());
    }
}

[Model]
public partial class PlainDecoder(int vocabulary, int width, int depth)
{
    [Embedding(nameof(vocabulary), nameof(width)), Name("model.embed_tokens")]
    public partial Embedding Embed { get; }

    [Block(nameof(width), Count = nameof(depth)), Name("model.layers")]
    public partial ModuleList<PlainDecoderBlock> Blocks { get; }

    [Head, Linear(nameof(width), nameof(vocabulary), Bias = false)] public partial Linear LmHead { get; }

    [Forward]
    private Tensor Network(Tensor ids)
    {
        var x = Embed.call(ids);
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        return LmHead.call(x);
    }
}

/// <summary>The same with names that its checkpoints have not.</summary>
[Model]
[Checkpoint(Prefix = "transformer.", Unprefixed = "lm_head")]
[Rename("wte", "embed"), Rename("h.*.attn", "blocks.*.mix")]
public partial class RenamedDecoder(int width)
{
    [Embedding(11, nameof(width))] public partial Embedding Embed { get; }

    [Block(nameof(width), Count = 2)] public partial ModuleList<RenamedBlock> Blocks { get; }

    [Head, Linear(nameof(width), 11, Bias = false)] public partial Linear LmHead { get; }

    [Forward]
    private Tensor Network(Tensor ids) => LmHead.call(Blocks[1].call(Blocks[0].call(Embed.call(ids))));
}

[Model]
public partial class RenamedBlock(int width)
{
    [Linear(nameof(width), nameof(width))] public partial Linear Mix { get; }

    [Forward]
    private Tensor Network(Tensor x) => Mix.call(x).tanh();
}

[Lora(Rank = 2, Alpha = 6, RankStabilized = true, Dropout = 0.25, Targets = "*.q_proj|*.v_proj", Train = "lm_head",
    Bias = AdapterBias.Adapted)]
public partial class DecoderAttentionLora() : PlainDecoder(11, 8, 3);

[Lora(Rank = 3, Targets = "*.embed_tokens|*.up_proj", Bias = AdapterBias.All)]
public partial class DecoderEmbeddingLora() : PlainDecoder(11, 8, 3);

[Lora(Rank = 2, Targets = "*.up_proj"), Lora(Rank = 4, Alpha = 12, Targets = "*.layers.1.*down_proj")]
public partial class DecoderTwoRanks() : PlainDecoder(11, 8, 3);

[Lora(Rank = 2, Init = LoraInit.Pissa)]
public partial class DecoderPissa() : PlainDecoder(11, 8, 3);

[Lora(Rank = 2, Init = LoraInit.Olora, Targets = "*_proj")]
public partial class DecoderOlora() : PlainDecoder(11, 8, 3);

[Dora(Rank = 2, Alpha = 4)]
public partial class DecoderDora() : PlainDecoder(11, 8, 3);

[Bone(BlockSize = 4)]
public partial class DecoderBoneRow() : PlainDecoder(11, 8, 3);

[Bone(BlockSize = 3, Form = BoneForm.Free)]
public partial class DecoderBoneFree() : PlainDecoder(11, 8, 3);

[Bone(BlockSize = 4, Form = BoneForm.Mini, MiniRank = 2, Dropout = 0.5)]
public partial class DecoderBoneMini() : PlainDecoder(11, 8, 3);

[Bone(BlockSize = 4, Form = BoneForm.Column)]
public partial class DecoderBoneColumn() : PlainDecoder(11, 8, 3);

[Lora(Rank = 2, Targets = "*.mix")]
public partial class RenamedLora() : RenamedDecoder(8);

/// <summary>Adapter folders that say themselves what they adapt, loaded into plain models.</summary>
public sealed class LoadedAdapterTests : AdapterFolderTests
{
    public static TheoryData<string> Variants =>
    [
        nameof(DecoderAttentionLora), nameof(DecoderEmbeddingLora), nameof(DecoderTwoRanks), nameof(DecoderPissa),
        nameof(DecoderOlora), nameof(DecoderDora), nameof(DecoderBoneRow), nameof(DecoderBoneFree),
        nameof(DecoderBoneMini), nameof(DecoderBoneColumn),
    ];

    [Theory]
    [MemberData(nameof(Variants))]
    public void PlainModel_BecomesWhatAnAnnotatedClassIs(string variant)
    {
        using var scope = NewDisposeScope();
        var type = Type.GetType($"Marrow.Tests.Adapters.{variant}")!;
        using var annotated = (PlainDecoder)Activator.CreateInstance(type)!;
        using var plain = new PlainDecoder(11, 8, 3);
        plain.SavePretrained(At("base"));
        annotated.LoadPretrained(At("base"));
        Disturb(annotated);
        annotated.SaveAdapter(At("adapter"));

        plain.LoadAdapter(At("adapter"));
        annotated.eval();
        plain.eval();
        Assert.True(plain.call(Ids).allclose(annotated.call(Ids), 1e-5, 1e-6));
        Assert.Equal(Trainable(annotated), Trainable(plain));

        // It saves what it read.
        plain.SaveAdapter(At("again"));
        Assert.True(JsonNode.DeepEquals(Config("adapter"), Config("again")), Config("again").ToJsonString());
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(At("adapter"), "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(At("again"), "adapter_model.safetensors")));

        // It trains by its fused code, with the dropout of the file, and merges.
        var difference = plain.VerifyAgainstEager(Ids);
        Assert.InRange(difference.LargestGradient, 0, 1e-4);
        plain.train();
        var hasDropout = Config("adapter").Any(field => field.Key.EndsWith("_dropout", StringComparison.Ordinal)
            && (double)field.Value! > 0);
        Assert.Equal(!hasDropout, plain.call(Ids).equal(plain.call(Ids)).all().item<bool>());
        plain.eval();
        var before = plain.call(Ids);
        plain.Merge();
        Assert.True(plain.call(Ids).allclose(before, 1e-4, 1e-5));
    }

    /// <summary>PEFT's ways to name layers: lists of endings or full names, patterns, blocks by number.</summary>
    [Theory]
    [InlineData("""{"target_modules":["q_proj","v_proj"]}""", "q0 q1 q2 v0 v1 v2")]
    [InlineData("""{"target_modules":"all-linear"}""", "d0 d1 d2 q0 q1 q2 u0 u1 u2 v0 v1 v2")]
    [InlineData("""{"target_modules":".*\\.(q|v)_proj"}""", "q0 q1 q2 v0 v1 v2")]
    [InlineData("""{"target_modules":"model\\.layers\\.[02]\\.self_attn\\.q_proj"}""", "q0 q2")]
    [InlineData("""{"target_modules":"(?P<at>.*)\\.(?P<of>q|v)_(?:proj)\\Z"}""", "q0 q1 q2 v0 v1 v2")]
    [InlineData("""{"target_modules":".*\\.(?P<n>[02])\\.(?!mlp).*(?!(?P=n))\\.q_proj"}""", "q0 q2")]
    [InlineData("""{"target_modules":"q_proj"}""", null)]
    [InlineData("""{"target_modules":["proj"]}""", null)]
    [InlineData("""{"target_modules":["self_attn.q_proj","mlp.up_proj"],"exclude_modules":["layers.1.mlp.up_proj"]}""",
        "q0 q1 q2 u0 u2")]
    [InlineData("""{"target_modules":["q_proj","v_proj"],"exclude_modules":".*\\.[01]\\..*"}""", "q2 v2")]
    [InlineData("""{"target_modules":["q_proj"],"layers_to_transform":1}""", "q1")]
    [InlineData("""{"target_modules":["q_proj","v_proj"],"layers_to_transform":[0,2],"layers_pattern":"layers"}""",
        "q0 q2 v0 v2")]
    [InlineData("""{"target_modules":["q_proj"],"layers_to_transform":[0],"layers_pattern":["h","layers"]}""", "q0")]
    [InlineData("""{"target_modules":["model.layers.2.mlp.down_proj"],"layers_to_transform":[]}""", "d2")]
    [InlineData("""{"target_modules":["model.layers.2.self_attn.q_proj","v_proj"],"layers_to_transform":[0]}""",
        "q2 v0")]
    public void Targets_AreThoseOfPeft(string fields, string? expected)
    {
        using var scope = NewDisposeScope();
        using var model = new PlainDecoder(11, 8, 3);
        var layers = (expected ?? "").Split(' ').Where(layer => layer.Length > 0).Select(layer =>
            $"model.layers.{layer[1]}." + layer[0] switch
            {
                'q' => "self_attn.q_proj",
                'v' => "self_attn.v_proj",
                'u' => "mlp.up_proj",
                _ => "mlp.down_proj",
            }).ToList();
        Write("""{"peft_type":"LORA","r":2,"lora_alpha":4}""", fields, layers.SelectMany(layer => Lora(layer, 2)));
        if (expected is null)
        {
            var error = Assert.Throws<CheckpointException>(() => model.LoadAdapter(Folder));
            Assert.Contains("it means no layer of the model", error.Message);
            return;
        }

        model.LoadAdapter(Folder);
        Assert.Equal(layers.Order(), Adapted(model));
    }

    [Fact]
    public void RankAndAlphaPatterns_ModulesToSave_AndBiases_AreTaken()
    {
        using var scope = NewDisposeScope();
        using var model = new PlainDecoder(11, 8, 3);
        Write(
            """
            {"peft_type":"LORA","r":2,"lora_alpha":4,
             "rank_pattern":{"layers.1.self_attn.q_proj":3,"^model.layers.2.*":1},
             "alpha_pattern":{"q_proj":6},"modules_to_save":["lm_head"],"bias":"lora_only","fan_in_fan_out":true}
            """,
            """{"target_modules":["q_proj"]}""",
            [
                .. Lora("model.layers.0.self_attn.q_proj", 2), .. Lora("model.layers.1.self_attn.q_proj", 3),
                .. Lora("model.layers.2.self_attn.q_proj", 1),
                ("base_model.model.lm_head.weight", full([11, 8], 0.5)),
                ("base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias", full(8, 0.25)),
                ("base_model.model.model.layers.1.self_attn.q_proj.bias", full(8, 0.75)),
            ]);
        var p = model.named_parameters().ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter);
        var (weight, x) = (p["model.layers.1.self_attn.q_proj.weight"].clone(), randn(2, 8));
        model.LoadAdapter(Folder);

        Assert.Equal([3, 8], model.get_parameter("model.layers.1.self_attn.q_proj.lora_A")!.shape);
        Assert.Equal(0.5f, model.LmHead.Weight.mean().item<float>());
        Assert.True(model.LmHead.Weight.requires_grad);
        var layer = model.Blocks[1].Q;
        Assert.Equal(0.75f, layer.Bias!.mean().item<float>());
        Assert.True(layer.Bias.requires_grad);
        var delta = 6.0 / 3 * model.get_parameter("model.layers.1.self_attn.q_proj.lora_B")!
            .mm(model.get_parameter("model.layers.1.self_attn.q_proj.lora_A")!);
        Assert.True(layer.call(x).allclose(nn.functional.linear(x, weight + delta, layer.Bias), 1e-5, 1e-6));
    }

    [Fact]
    public void AdaptedHeadAndEmbedding_WithTheirBase_AreTaken()
    {
        using var scope = NewDisposeScope();
        using var model = new PlainDecoder(11, 8, 3);
        Write(
            """{"peft_type":"LORA","r":2,"lora_alpha":2}""",
            """{"target_modules":["lm_head","embed_tokens"]}""",
            [
                ("base_model.model.lm_head.base_layer.weight", full([11, 8], 0.5)),
                ("base_model.model.lm_head.lora_A.weight", ones(2, 8)),
                ("base_model.model.lm_head.lora_B.weight", ones(11, 2)),
                ("base_model.model.model.embed_tokens.base_layer.weight", full([11, 8], 0.25)),
                ("base_model.model.model.embed_tokens.lora_embedding_A", ones(2, 11)),
                ("base_model.model.model.embed_tokens.lora_embedding_B", ones(8, 2)),
            ]);
        model.LoadAdapter(Folder);
        Assert.Equal(8 * 2.5f, model.LmHead.call(ones(1, 8)).mean().item<float>());
        Assert.Equal(2.25f, model.Embed.call(Ids).mean().item<float>());
    }

    [Fact]
    public void TensorOfAnotherType_IsNamed_BeforeAnythingChanges()
    {
        using var scope = NewDisposeScope();
        using var model = new PlainDecoder(11, 8, 3);
        Write(
            """{"peft_type":"LORA","r":2,"target_modules":["layers.0.self_attn.q_proj"]}""",
            """{"modules_to_save":["lm_head","norm"]}""",
            [
                .. Lora("model.layers.0.self_attn.q_proj", 2),
                ("base_model.model.lm_head.weight", full([11, 8], 0.5)),
                .. Enumerable.Range(0, 3).Select(i =>
                    ($"base_model.model.model.layers.{i}.norm.weight", ones(8, dtype: i == 2 ? int64 : float32))),
            ]);
        var before = model.LmHead.Weight.clone();
        var error = Assert.Throws<CheckpointException>(() => model.LoadAdapter(Folder));
        Assert.Contains("is stored as I64", error.Message);
        Assert.True(model.LmHead.Weight.equal(before).all().item<bool>());
    }

    [Fact]
    public void Names_AreThoseOfTheCheckpoint_NotOfTheClass()
    {
        using var scope = NewDisposeScope();
        using var annotated = new RenamedLora();
        Disturb(annotated);
        annotated.SaveAdapter(Folder);
        Assert.Equal(
            ["transformer.h.0.attn", "transformer.h.1.attn"],
            Config("")["target_modules"]!.AsArray().Select(name => (string)name!));
        using (var file = SafetensorsFile.Open(Path.Combine(Folder, "adapter_model.safetensors")))
        {
            Assert.Contains("base_model.model.transformer.h.1.attn.lora_A.weight", file.Tensors.Keys);
        }

        using var plain = new RenamedDecoder(8);
        plain.LoadAdapter(Folder);
        Assert.Equal(["blocks.0.mix", "blocks.1.mix"], Adapted(plain));
        annotated.LoadAdapter(Folder);
    }

    [Theory]
    [InlineData("""{"peft_type":"ADALORA"}""", "peft_type is 'ADALORA'; Marrow has LORA")]
    [InlineData("""{"target_modules":["norm"]}""", "it adapts 'model.layers.0.norm', which is a RmsNorm")]
    [InlineData("""{"target_modules":["embed_tokens"],"use_dora":true}""", "it adapts 'model.embed_tokens', which Do")]
    [InlineData("""{"init_lora_weights":"corda"}""", "init_lora_weights is 'corda', which changed the base")]
    [InlineData("""{"r":100}""", "Rank 100 at layer 'model.layers.0.self_attn.q_proj' is not in 1 to 8")]
    [InlineData("""{"r":"two"}""", "r is \"two\", not a finite number")]
    [InlineData("""{"r":2.5}""", "r is 2.5, not a whole number")]
    [InlineData("""{"bias":"some"}""", "bias is 'some'")]
    [InlineData("""{"target_modules":"("}""", "'^(?:()\\z' in target_modules is no usable regular expression")]
    [InlineData("""{"target_modules":null}""", "target_modules is neither a list of names nor a pattern")]
    [InlineData("""{"target_modules":[1]}""", "target_modules has 1, which is no name")]
    [InlineData("""{"exclude_modules":[null]}""", "exclude_modules has null, which is no name")]
    [InlineData("""{"modules_to_save":[2]}""", "modules_to_save has 2, which is no name")]
    [InlineData("""{"layers_to_transform":["a"]}""", "layers_to_transform has \"a\", which is no layer's number")]
    [InlineData("""{"layers_to_transform":0.5}""", "layers_to_transform has 0.5, which is no layer's number")]
    [InlineData("""{"lora_dropout":2}""", "lora_dropout is 2, not a share from 0 to below 1")]
    [InlineData("""{"lora_alpha":1e999}""", "lora_alpha is 1e999, not a finite number")]
    [InlineData("""{"bias":3}""", "bias is 3, not a text")]
    [InlineData("""{"layer_replication":[[0,1]]}""", "it uses layer_replication, which is not supported")]
    [InlineData("""{"lora_bias":true}""", "it uses lora_bias, which is not supported")]
    [InlineData("""{"target_modules":["q_proj","up_proj"]}""", "it lacks 'base_model.model.model.layers.0.mlp.up_proj")]
    [InlineData("""{"r":1}""", "is [2, 8], but the model's is [1, 8]")]
    [InlineData("""{"modules_to_save":["lm_head"]}""", "it lacks 'base_model.model.lm_head.weight'")]
    public void WhatCannotBeLoaded_IsNamed_AndTheModelStaysAsItWas(string fields, string expected)
    {
        using var scope = NewDisposeScope();
        using var model = new PlainDecoder(11, 8, 3);
        Write(
            """{"peft_type":"LORA","r":2,"lora_alpha":4,"target_modules":["q_proj"]}""",
            fields,
            Enumerable.Range(0, 3).SelectMany(i => Lora($"model.layers.{i}.self_attn.q_proj", 2)));
        var (before, y) = (model.named_parameters().Select(pair => (pair.name, pair.parameter.requires_grad)).ToList(),
            model.call(Ids));
        var error = Assert.Throws<CheckpointException>(() => model.LoadAdapter(Folder));
        Assert.Contains(expected, error.Message);
        Assert.Equal(
            before, model.named_parameters().Select(pair => (pair.name, pair.parameter.requires_grad)).ToList());
        Assert.True(model.call(Ids).equal(y).all().item<bool>());
        Assert.IsType<Linear>(model.Blocks[0].Q);
    }

    [Fact]
    public void MissAndBone_OfOlderVersions_AndOddSizes_AreLoaded()
    {
        using var scope = NewDisposeScope();
        foreach (var (type, name, init, shape) in new (string, string, string, long[])[]
        {
            ("BONE", "bone_block", "true", [3, 16]), ("BONE", "bone_block", "\"bat\"", [4, 4, 4]),
            ("MISS", "miss_block", "true", [3, 16]), ("MISS", "miss_block", "\"bat\"", [4, 4, 4]),
            ("MISS", "miss_block", "\"mini\"", [3, 4]),
        })
        {
            using var model = new PlainDecoder(11, 8, 3);
            Write(
                $$"""{"peft_type":"{{type}}","r":{{shape[^2]}},"mini_r":4,"init_weights":{{init}}}""",
                """{"target_modules":["layers.1.mlp.up_proj"]}""",
                [($"base_model.model.model.layers.1.mlp.up_proj.{name}", randn(shape))]);
            var before = model.call(Ids);
            model.LoadAdapter(Folder);
            Assert.Equal(["model.layers.1.mlp.up_proj"], Adapted(model));
            Assert.False(model.call(Ids).allclose(before));
        }
    }

    private JsonObject Config(string name) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(At(name), "adapter_config.json")))!.AsObject();

    private static IEnumerable<string> Adapted(IModel model) => model.Module.named_modules()
        .Where(pair => pair.module.named_parameters(recurse: false).Any(parameter =>
            parameter.name.StartsWith("lora_", StringComparison.Ordinal)
                || parameter.name.EndsWith("_block", StringComparison.Ordinal)))
        .Select(pair => pair.name)
        .Order(StringComparer.Ordinal);

    private static List<string> Trainable(IModel model) => [.. model.Module.named_parameters()
        .Where(pair => pair.parameter.requires_grad)
        .Select(pair => pair.name)
        .Order(StringComparer.Ordinal)];

    private static void Disturb(IModel model)
    {
        using var noGrad = no_grad();
        foreach (var (_, value) in model.Module.named_parameters().Where(pair => pair.parameter.requires_grad))
        {
            value.add_(randn_like(value) * 0.1);
        }
    }
}
