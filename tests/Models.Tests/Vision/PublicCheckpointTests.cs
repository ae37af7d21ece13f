using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models.Tests.Vision;

/// <summary>
/// Checkpoints under the names of timm, Hugging Face and Swin's authors give the logits that the networks have, written
/// here as plainly as they are published, from tensors by those names.
/// </summary>
public sealed class PublicCheckpointTests : IDisposable
{
    private const int Image = 16, Patch = 4, Dim = 32, Depth = 2, Heads = 4, Classes = 7;
    private readonly string folder = Directory.CreateTempSubdirectory("marrow-vision").FullName;
    private readonly DisposeScope scope = NewDisposeScope();

    private static readonly JsonObject TimmViT = new()
    {
        ["architecture"] = "vit_tiny_patch16_224",
        ["num_classes"] = Classes,
        ["num_features"] = Dim,
        ["global_pool"] = "token",
        ["pretrained_cfg"] = new JsonObject
        {
            ["tag"] = "augreg_in21k_ft_in1k",
            ["num_classes"] = Classes,
            ["input_size"] = new JsonArray(3, Image, Image),
            ["classifier"] = "head",
        },
        ["model_args"] = new JsonObject { ["img_size"] = Image, ["num_heads"] = Heads },
    };

    public PublicCheckpointTests() => manual_seed(11);

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Timm_ViT()
    {
        var tensors = ViT(Timm, tokens: 1);
        Write(tensors, TimmViT);
        var model = new SmallViT();
        model.LoadPretrained(folder);
        AssertSame(Classify(tensors, Timm, 1e-6, "cls_token"), model);
        AssertSavedAsLoaded(model, tensors);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("vit.", true)]
    [InlineData("vit.", false)]
    public void HuggingFace_ViT(string prefix, bool hasPooler)
    {
        var names = HuggingFace(prefix, "classifier");
        var tensors = ViT(names, tokens: 1);
        if (hasPooler)
        {
            tensors[prefix + "pooler.dense.weight"] = randn(Dim, Dim);
            tensors[prefix + "pooler.dense.bias"] = randn(Dim);
        }

        Write(tensors, HuggingFaceConfiguration("vit", "ViTForImageClassification"));
        var model = new HuggingFaceViT();
        model.LoadPretrained(folder);
        AssertSame(Classify(tensors, names, 1e-12, "cls_token"), model);
        tensors.Remove(prefix + "pooler.dense.weight");
        tensors.Remove(prefix + "pooler.dense.bias");
        if (prefix.Length > 0)
        {
            AssertSavedAsLoaded(model, tensors);
        }
    }

    [Fact]
    public void HuggingFace_DeiT_WithATokenThatNothingClassifies()
    {
        var names = HuggingFace("deit.", "classifier");
        var tensors = ViT(names, tokens: 2);
        Write(tensors, HuggingFaceConfiguration("deit", "DeiTForImageClassification"));
        var model = new UnclassifiedTokenViT();
        model.LoadPretrained(folder);
        AssertSame(Classify(tensors, names, 1e-12, "cls_token", "dist_token"), model);
        AssertSavedAsLoaded(model, tensors);
    }

    [Fact]
    public void HuggingFace_DeiT_WithItsTeachersHead()
    {
        var names = HuggingFace("deit.", "cls_classifier");
        var tensors = ViT(names, tokens: 2);
        tensors["distillation_classifier.weight"] = randn(Classes, Dim);
        tensors["distillation_classifier.bias"] = randn(Classes);
        Write(tensors, HuggingFaceConfiguration("deit", "DeiTForImageClassificationWithTeacher"));
        var model = new HuggingFaceDeiT();
        model.LoadPretrained(folder);
        AssertSame(
            x =>
            {
                var states = States(tensors, names, 1e-12, x, "cls_token", "dist_token");
                return (Linear(tensors, "cls_classifier", states.select(1, 0))
                    + Linear(tensors, "distillation_classifier", states.select(1, 1))) / 2;
            },
            model);
        AssertSavedAsLoaded(model, tensors);
    }

    [Fact]
    public void HuggingFace_IntoQuantizedAttention_TakesItsRows()
    {
        var names = HuggingFace("vit.", "classifier");
        var tensors = ViT(names, tokens: 1);
        Write(tensors, HuggingFaceConfiguration("vit", "ViTForImageClassification"));
        var model = new HuggingFaceQkrViT();
        model.LoadPretrained(folder);
        var state = model.state_dict();
        foreach (var (own, stored) in new[] { ("q", "query"), ("k", "key"), ("v", "value") })
        {
            Assert.True(state[$"blocks.1.attn.{own}.weight"].Equals(
                tensors[$"vit.encoder.layer.1.attention.attention.{stored}.weight"]));
        }

        Assert.True(state["blocks.1.attn.v.bias"].Equals(
            tensors["vit.encoder.layer.1.attention.attention.value.bias"]));
    }

    [Theory]
    [InlineData("hidden_size", "48", "hidden_size is 48, the model's is 32")]
    [InlineData("num_attention_heads", "8", "num_attention_heads is 8, the model's is 4")]
    [InlineData("layer_norm_eps", "1e-6", "layer_norm_eps is 1e-6, the model's is 1E-12")]
    [InlineData("hidden_act", "\"quick_gelu\"", "hidden_act is \"quick_gelu\", the model's is \"gelu\"")]
    [InlineData("qkv_bias", "false", "qkv_bias is false, the model's is true")]
    [InlineData("model_type", "\"beit\"", "model_type is \"beit\", the model's is \"vit\"")]
    public void HuggingFace_ConfigurationOfOtherSizes_IsRefused(string field, string value, string words)
    {
        var config = HuggingFaceConfiguration("vit", "ViTForImageClassification");
        config[field] = JsonNode.Parse(value);
        Write(ViT(HuggingFace("vit.", "classifier"), tokens: 1), config);
        Assert.Contains(words, Assert.Throws<CheckpointException>(() =>
            new HuggingFaceViT().LoadPretrained(folder)).Message);

        // And a single file beside it is checked alike.
        Assert.Contains(words, Assert.Throws<CheckpointException>(() =>
            new HuggingFaceViT().LoadPretrained(Path.Combine(folder, "model.safetensors"))).Message);
    }

    [Theory]
    [InlineData("global_pool", "\"avg\"", "global_pool is avg, the model's is token")]
    [InlineData("model_args", "{\"num_heads\":8}", "model_args.num_heads is 8, the model's is 4")]
    [InlineData("model_args", "{\"act_layer\":\"quick_gelu\"}", "model_args has act_layer, which is not known")]
    public void Timm_ConfigurationOfAnotherNetwork_IsRefused(string field, string value, string words)
    {
        var config = TimmViT.DeepClone().AsObject();
        config[field] = JsonNode.Parse(value);
        Write(ViT(Timm, tokens: 1), config);
        Assert.Contains(words, Assert.Throws<CheckpointException>(() =>
            new SmallViT().LoadPretrained(folder)).Message);
    }

    [Theory]
    [InlineData("timm")]
    [InlineData("huggingface")]
    [InlineData("bare")]
    public void HeadOfAnotherSize_StartsAnewOnRequest(string kind)
    {
        var names = kind == "timm" ? Timm : HuggingFace(kind == "bare" ? "" : "vit.", "classifier");
        var tensors = ViT(names, tokens: 1);
        if (kind == "bare")
        {
            tensors.Remove("classifier.weight");
            tensors.Remove("classifier.bias");
        }

        var config = kind == "timm"
            ? TimmViT.DeepClone().AsObject()
            : HuggingFaceConfiguration("vit", "ViTForImageClassification");
        Write(tensors, config);
        var model = new ThreeClassViT(kind == "timm" ? 1e-6 : 1e-12);
        var refusal = Assert.Throws<CheckpointException>(() => model.LoadPretrained(folder)).Message;
        Assert.Contains("newHead: true", refusal);
        Assert.Contains(kind == "timm" ? "num_classes is 7, the model has 3" : "id2label has 7 classes", refusal);
        var head = model.Head.Weight.clone();
        model.LoadPretrained(folder, newHead: true);
        Assert.True(model.Head.Weight.Equals(head));
        Assert.True(model.Norm.Weight.Equals(tensors[names("norm") + ".weight"]));

        // On the meta device it starts as it would have.
        ThreeClassViT onMeta;
        using (Construction.On(META))
        {
            onMeta = new ThreeClassViT(kind == "timm" ? 1e-6 : 1e-12);
        }

        onMeta.LoadPretrained(folder, newHead: true);
        Assert.True(onMeta.Head.Weight.std().item<float>() > 0.05);
        Assert.True(onMeta.Norm.Weight.Equals(tensors[names("norm") + ".weight"]));

        // What is saved is a checkpoint of the new head, in the same format.
        var saved = Path.Combine(folder, "saved");
        model.SavePretrained(saved);
        var again = new ThreeClassViT(kind == "timm" ? 1e-6 : 1e-12);
        again.LoadPretrained(saved);
        Assert.True(again.Head.Weight.Equals(head));
    }

    [Fact]
    public void HeadOfAnotherSize_InAFileAlone_SaysWhatToAskFor()
    {
        var path = Path.Combine(folder, "model.safetensors");
        SafetensorsWriter.Write(path, ViT(Timm, tokens: 1).Select(pair => (pair.Key, pair.Value)));
        var message = Assert.Throws<CheckpointException>(() => new ThreeClassViT(1e-6).LoadPretrained(path)).Message;
        Assert.Contains("'head.weight' is [7, 32], but the model's is [3, 32]", message);
        Assert.Contains("newHead: true", message);
        Assert.Throws<ArgumentException>(() => new VisionMlp(4, 8, 1).LoadPretrained(path, newHead: true));
    }

    [Theory]
    [InlineData("authors")]
    [InlineData("huggingface")]
    public void Swin(string kind)
    {
        var names = kind == "authors" ? (Func<string, string>)(name => name) : HuggingFaceSwin;
        var tensors = SwinReference.Tensors(names, kind == "authors");
        var stored = tensors.ToDictionary();
        Write(stored, kind == "authors"
            ? null
            : new JsonObject
            {
                ["architectures"] = new JsonArray("SwinForImageClassification"),
                ["model_type"] = "swin",
                ["image_size"] = 32,
                ["embed_dim"] = 16,
                ["num_heads"] = new JsonArray(1, 2, 4, 8),
                ["depths"] = new JsonArray(2, 2, 2, 2),
                ["window_size"] = 2,
                ["patch_size"] = 2,
                ["mlp_ratio"] = 4.0,
                ["id2label"] = new JsonObject(Enumerable.Range(0, 10).Select(
                    id => KeyValuePair.Create($"{id}", (JsonNode?)$"LABEL_{id}"))),
            });
        var model = new FittingSwin();
        model.LoadPretrained(kind == "authors" ? Path.Combine(folder, "model.safetensors") : folder);
        var x = randn(2, 3, 32, 32);
        using (no_grad())
        {
            var (expected, found) = (SwinReference.Logits(tensors, names, x), model.call(x));
            Assert.True((expected - found).abs().max().item<float>() < 1e-4 * expected.abs().max().item<float>());
        }

        foreach (var name in stored.Keys.Where(name => name.EndsWith("_index") || name.EndsWith("_mask")).ToList())
        {
            stored.Remove(name);
        }

        AssertSavedAsLoaded(model, stored);
    }

    private static string Timm(string own) => own;

    private static Func<string, string> HuggingFace(string prefix, string head) => own => own switch
    {
        "head" => head,
        "cls_token" => prefix + "embeddings.cls_token",
        "dist_token" => prefix + "embeddings.distillation_token",
        "pos_embed" => prefix + "embeddings.position_embeddings",
        "patch_embed.proj" => prefix + "embeddings.patch_embeddings.projection",
        "norm" => prefix + "layernorm",
        _ => prefix + own.Replace("blocks.", "encoder.layer.").Replace("attn.proj", "attention.output.dense")
            .Replace("norm1", "layernorm_before").Replace("norm2", "layernorm_after")
            .Replace("mlp.fc1", "intermediate.dense").Replace("mlp.fc2", "output.dense")
            .Replace("attn.", "attention.attention."),
    };

    private static string HuggingFaceSwin(string own) => own switch
    {
        "head" => "classifier",
        "norm" => "swin.layernorm",
        "patch_embed.proj" => "swin.embeddings.patch_embeddings.projection",
        "patch_embed.norm" => "swin.embeddings.norm",
        _ => "swin.encoder." + own.Replace("attn.proj", "attention.output.dense").Replace("attn.", "attention.self.")
            .Replace("norm1", "layernorm_before").Replace("norm2", "layernorm_after")
            .Replace("mlp.fc1", "intermediate.dense").Replace("mlp.fc2", "output.dense"),
    };

    private static JsonObject HuggingFaceConfiguration(string type, string architecture) => new()
    {
        ["architectures"] = new JsonArray(architecture),
        ["model_type"] = type,
        ["image_size"] = Image,
        ["patch_size"] = Patch,
        ["hidden_size"] = Dim,
        ["num_hidden_layers"] = Depth,
        ["num_attention_heads"] = Heads,
        ["intermediate_size"] = 4 * Dim,
        ["layer_norm_eps"] = 1e-12,
        ["hidden_act"] = "gelu",
        ["id2label"] = new JsonObject(Enumerable.Range(0, Classes).Select(
            id => KeyValuePair.Create($"{id}", (JsonNode?)$"kind {id}"))),
    };

    /// <summary>Tensors of a transformer; queries, keys and values are apart where names are not timm's.</summary>
    private static Dictionary<string, Tensor> ViT(Func<string, string> names, int tokens)
    {
        var tensors = new Dictionary<string, Tensor>
        {
            [names("cls_token")] = randn(1, 1, Dim),
            [names("pos_embed")] = randn(1, (Image / Patch * Image / Patch) + tokens, Dim),
        };
        if (tokens == 2)
        {
            tensors[names("dist_token")] = randn(1, 1, Dim);
        }

        Add("patch_embed.proj", Dim, 3, Patch, Patch);
        for (var block = 0; block < Depth; block++)
        {
            var start = $"blocks.{block}.";
            Add(start + "norm1", Dim);
            Add(start + "norm2", Dim);
            if (names("head") == "head")
            {
                Add(start + "attn.qkv", 3 * Dim, Dim);
            }
            else
            {
                Add(start + "attn.query", Dim, Dim);
                Add(start + "attn.key", Dim, Dim);
                Add(start + "attn.value", Dim, Dim);
            }

            Add(start + "attn.proj", Dim, Dim);
            Add(start + "mlp.fc1", 4 * Dim, Dim);
            Add(start + "mlp.fc2", Dim, 4 * Dim);
        }

        Add("norm", Dim);
        Add("head", Classes, Dim);
        return tensors;

        void Add(string name, params long[] shape)
        {
            tensors[names(name) + ".weight"] = randn(shape) * 0.2;
            tensors[names(name) + ".bias"] = randn(shape[0]) * 0.2;
        }
    }

    private static Func<Tensor, Tensor> Classify(
        Dictionary<string, Tensor> tensors, Func<string, string> names, double eps, params string[] tokens) =>
        x => Linear(tensors, names("head"), States(tensors, names, eps, x, tokens).select(1, 0));

    private static Tensor States(
        Dictionary<string, Tensor> tensors, Func<string, string> names, double eps, Tensor x, params string[] tokens)
    {
        var proj = names("patch_embed.proj");
        var patches = conv2d(x, tensors[proj + ".weight"], tensors[proj + ".bias"], strides: [Patch, Patch])
            .flatten(2).transpose(1, 2);
        x = cat([.. tokens.Select(name => tensors[names(name)].repeat(x.size(0), 1, 1)), patches], 1)
            + tensors[names("pos_embed")];
        for (var block = 0; block < Depth; block++)
        {
            var start = $"blocks.{block}.";
            var h = Norm(start + "norm1", x);
            var parts = names("head") == "head"
                ? Linear(tensors, names(start + "attn.qkv"), h).chunk(3, -1)
                : [.. new[] { "query", "key", "value" }.Select(
                    part => Linear(tensors, names(start + "attn." + part), h))];
            var heads = parts.Select(part => part.view(x.size(0), -1, Heads, Dim / Heads).transpose(1, 2)).ToList();
            var weights = softmax(heads[0].matmul(heads[1].transpose(-1, -2)) / Math.Sqrt(Dim / Heads), -1);
            x = x + Linear(
                tensors, names(start + "attn.proj"), weights.matmul(heads[2]).transpose(1, 2).flatten(2));
            h = gelu(Linear(tensors, names(start + "mlp.fc1"), Norm(start + "norm2", x)));
            x = x + Linear(tensors, names(start + "mlp.fc2"), h);
        }

        return Norm("norm", x);

        Tensor Norm(string name, Tensor value) => layer_norm(
            value, [Dim], tensors[names(name) + ".weight"], tensors[names(name) + ".bias"], eps);
    }

    private static Tensor Linear(Dictionary<string, Tensor> tensors, string name, Tensor x) =>
        linear(x, tensors[name + ".weight"], tensors[name + ".bias"]);

    private static void AssertSame(Func<Tensor, Tensor> expected, nn.Module<Tensor, Tensor> model)
    {
        using var noGrad = no_grad();
        var x = randn(2, 3, Image, Image);
        var (a, b) = (expected(x), model.call(x));
        Assert.True((a - b).abs().max().item<float>() < 1e-5 * a.abs().max().item<float>(), $"{a - b}");
    }

    private void Write(Dictionary<string, Tensor> tensors, JsonObject? config)
    {
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"), tensors.Select(pair => (pair.Key, pair.Value)));
        if (config is not null)
        {
            File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        }
    }

    /// <summary>The same names with the same bytes, and the same config.json if there was one.</summary>
    private void AssertSavedAsLoaded(IModel model, Dictionary<string, Tensor> tensors)
    {
        var saved = Path.Combine(folder, "saved");
        model.SavePretrained(saved);
        using var file = SafetensorsFile.Open(Path.Combine(saved, "model.safetensors"));
        Assert.Equal(tensors.Keys.Order(), file.Tensors.Keys.Order());
        Assert.All(tensors, pair => Assert.True(file.ReadTensor(pair.Key).Equals(pair.Value), pair.Key));
        if (File.Exists(Path.Combine(folder, "config.json")))
        {
            Assert.True(JsonNode.DeepEquals(Config(folder), Config(saved)));
        }

        static JsonNode? Config(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
    }
}
