using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary><c>marrow inspect</c> on real and on hostile files.</summary>
public sealed class InspectTests
{
    private const string Pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";

    [Theory]
    [InlineData("babyllama105-hf", "F32", 1)]
    [InlineData("babyllama105-hf-sharded-bf16", "BF16", 3)]
    public void Folder_HasTensorsAndLoads(string name, string type, int files)
    {
        var facts = Call.Json("inspect", SharedData.Require($"data/weights/{name}"));
        Assert.Equal("LlamaForCausalLM", facts.GetProperty("architecture").GetString());
        Assert.Equal(936448, facts.GetProperty("parameters").GetInt64());
        Assert.Equal(936448, facts.GetProperty("types").GetProperty(type).GetInt64());
        Assert.Equal(files, facts.GetProperty("files").GetArrayLength());
        Assert.Equal(47, facts.GetProperty("tensors").GetArrayLength());
        Assert.True(facts.GetProperty("loading").GetProperty("loads").GetBoolean());
        Assert.Equal("Decoder", facts.GetProperty("loading").GetProperty("class").GetString());
    }

    [Fact]
    public void EqualLayers_AreOneRow()
    {
        var text = Call.Succeeds("inspect", SharedData.Require("data/weights/babyllama105-hf"));
        Assert.Contains("model.layers.{0-4}.mlp.up_proj.weight", text);
        Assert.DoesNotContain("layers.3", text);
        Assert.Contains(
            "layers.3",
            Call.Succeeds("inspect", SharedData.Require("data/weights/babyllama105-hf"), "--all"));
    }

    [Fact]
    public void Adapter_IsComparedWithItsBase()
    {
        var facts = Call.Json(
            "inspect",
            SharedData.Require("data/adapters/miss"),
            "--base",
            SharedData.Require("data/weights/babyllama105-hf"));
        Assert.Equal(16, facts.GetProperty("settings").GetProperty("r").GetInt32());
        Assert.StartsWith("35 layers", facts.GetProperty("loading").GetProperty("reason").GetString());
    }

    [Fact]
    public void ForeignModel_SaysWhatIsSupported()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), """{ "model_type": "mamba", "architectures": ["Mamba"] }""");
        var loading = Call.Json("inspect", folder.Path).GetProperty("loading");
        Assert.False(loading.GetProperty("loads").GetBoolean());
        Assert.Contains("model_type is 'mamba' (supported: llama", loading.GetProperty("reason").GetString());
    }

    /// <summary>Layers are made before weights are read: a mistyped number of them must not take all memory.</summary>
    [Theory]
    [InlineData("""
        { "model_type": "llama", "vocab_size": 8, "hidden_size": 4, "intermediate_size": 4,
          "num_hidden_layers": 2000000000, "num_attention_heads": 1, "max_position_embeddings": 16 }
        """)]
    [InlineData("""{ "model_type": "vit", "num_hidden_layers": 2000000000 }""")]
    public void AbsurdDepth_IsRefused(string configuration)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), configuration);
        var loading = Call.Json("inspect", folder.Path).GetProperty("loading");
        Assert.False(loading.GetProperty("loads").GetBoolean());
        Assert.Contains("no model has so many", loading.GetProperty("reason").GetString());
        Call.Fails("plan", folder.Path);
    }

    [Theory]
    [InlineData("model.safetensors", "this is no safetensors file at all", "damaged")]
    [InlineData("model.safetensors", "", "too few for a header")]
    [InlineData("model.safetensors", Pointer, "pointer of Git LFS")]
    [InlineData("pytorch_model.bin", Pointer, "pointer of Git LFS")]
    [InlineData("model.gguf", "GGUF", "cut off or damaged")]
    [InlineData("adapter_config.json", "{", "no adapter configuration")]
    public void HostileFiles_GetOneSentence(string name, string text, string part)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File(name), text);
        Assert.Contains(part, Call.Fails("inspect", name.EndsWith("json") ? folder.Path : folder.File(name)));
    }

    [Fact]
    public void TruncatedFile_GetsOneSentence()
    {
        using var folder = new TemporaryFolder();
        var file = folder.File("model.safetensors");
        File.WriteAllBytes(
            file, File.ReadAllBytes(SharedData.Require("data/weights/babyllama105-hf/model.safetensors"))[..10000]);
        Assert.Contains("model.safetensors", Call.Fails("inspect", file));
    }

    [Fact]
    public void FolderOfOneFileOfAnotherName_IsThatFile()
    {
        using var folder = new TemporaryFolder();
        var weights = SharedData.Require("data/weights/babyllama105-hf/model.safetensors");
        File.Copy(weights, folder.File("other.safetensors"));
        Assert.Equal(47, Call.Json("inspect", folder.Path).GetProperty("tensors").GetArrayLength());
        File.Copy(weights, folder.File("another.safetensors"));
        Assert.Contains("2 files of weights; name one of them", Call.Fails("inspect", folder.Path));
    }

    [Theory]
    [InlineData("no such file or folder", "/nope/model")]
    [InlineData("holds neither model.safetensors", "")]
    public void WrongPaths_GetOneSentence(string part, string path)
    {
        using var folder = new TemporaryFolder();
        Assert.Contains(part, Call.Fails("inspect", path.Length == 0 ? folder.Path : path));
    }
}
