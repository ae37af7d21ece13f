using Marrow.Checkpoints;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

public sealed class ShardTests
{
    private const string Index = "model.safetensors.index.json";

    [Fact]
    public void WriteSharded_RealModelInItsOrder_GivesTheSameFiles()
    {
        var source = SharedData.Require("data/weights/babyllama105-hf-sharded-bf16");
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var reader = CheckpointReader.Open(source);

        FolderUpdateTests.Write(folder.Path,
            reader.Tensors.Keys.OrderBy(ModelOrder).Select(name => (name, reader.ReadTensor(name))), 750_000);

        var expected = Directory.GetFiles(source, "model*").Select(Path.GetFileName).Order().ToArray();
        Assert.Equal(expected, Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order());
        foreach (var file in expected)
            Assert.Equal(File.ReadAllBytes(Path.Combine(source, file!)), File.ReadAllBytes(folder.File(file!)));
    }

    [Fact]
    public void Open_ShardsAndSingleFile_GiveTheSameNamesShapesAndNearbyValues()
    {
        using var scope = NewDisposeScope();
        using var single = CheckpointReader.Open(SharedData.Require("data/weights/babyllama105-hf"));
        using var sharded = CheckpointReader.Open(SharedData.Require("data/weights/babyllama105-hf-sharded-bf16"));
        Assert.Equal(single.Tensors.Keys.Order(), sharded.Tensors.Keys.Order());
        Assert.Equal("pt", sharded.Metadata["format"]);
        foreach (var (name, info) in single.Tensors)
        {
            Assert.Equal((ScalarType.Float32, ScalarType.BFloat16), (info.Type, sharded.Tensors[name].Type));
            var values = zeros([.. sharded.Tensors[name].Shape]);
            sharded.CopyInto(name, values);
            Assert.True(values.equal(
                single.ReadTensor(name).to(ScalarType.BFloat16).to(ScalarType.Float32)).all().item<bool>(), name);
        }
    }

    [Fact]
    public void WriteSharded_OneShardAfterMany_LeavesOnlyTheNewWeights()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        File.WriteAllText(folder.File("config.json"), "{}");
        (string, Tensor)[] tensors = [("a", ones(4)), ("b", ones(100)), ("c", ones(2))];

        FolderUpdateTests.Write(folder.Path, tensors, 16);
        Assert.Equal(["config.json", "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors",
            "model-00003-of-00003.safetensors", Index],
                Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        FolderUpdateTests.Write(folder.Path, tensors[..1], 16);
        Assert.Equal(["config.json", "model.safetensors"],
            Directory.GetFiles(folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using var reader = CheckpointReader.Open(folder.Path);
        Assert.Equal(4f, reader.ReadTensor("a").sum().item<float>());
    }

    [Theory]
    [InlineData("it is not a JSON object", "[]")]
    [InlineData("it is not valid JSON", "{")]
    [InlineData("it is not valid JSON", "")]
    [InlineData("it is not valid JSON", "{}x")]
    [InlineData("it has no weight_map", """{"metadata":{}}""")]
    [InlineData("weight_map is not an object", """{"weight_map":[]}""")]
    [InlineData("weight_map appears twice", """{"weight_map":{},"weight_map":{}}""")]
    [InlineData("'t' is not a string", """{"weight_map":{"t":1}}""")]
    [InlineData("'t' appears twice", """{"weight_map":{"t":"s.safetensors","t":"s.safetensors"}}""")]
    [InlineData("not a plain file name", """{"weight_map":{"t":"../s.safetensors"}}""")]
    [InlineData("not a plain file name", """{"weight_map":{"t":"/etc/passwd"}}""")]
    [InlineData("not a plain file name", """{"weight_map":{"t":"sub\\s.safetensors"}}""")]
    [InlineData("not a plain file name", """{"weight_map":{"t":".."}}""")]
    [InlineData("not a plain file name", """{"weight_map":{"t":""}}""")]
    [InlineData("1 of 2 shards are missing: 'gone.safetensors'",
        """{"weight_map":{"t":"s.safetensors","u":"gone.safetensors"}}""")]
    [InlineData("places tensor 'u' in 's.safetensors', which does not hold it",
        """{"weight_map":{"t":"s.safetensors","u":"s.safetensors"}}""")]
    public void Open_BadIndex_SaysWhatIsWrong(string expected, string index)
    {
        using var folder = new TemporaryFolder();
        using var value = zeros(1);
        SafetensorsWriter.Write(folder.File("s.safetensors"), [("t", value)]);
        File.WriteAllText(folder.File(Index), index);
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => CheckpointReader.Open(folder.Path)).Message);
    }

    [Fact]
    public void Open_EmptyFolder_SaysWhatItLooksFor()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("neither model.safetensors nor pytorch_model.bin, nor the index of either",
            Assert.Throws<CheckpointException>(() => CheckpointReader.Open(folder.Path)).Message);
    }

    /// <summary>Embedding, layers by number with attention before the rest, final norm.</summary>
    private static string ModelOrder(string name)
    {
        string[] parts = ["embed_tokens", "layers", "model.norm"];
        string[] inLayer = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
            "input_layernorm", "post_attention_layernorm"];
        var layer = name.Split('.') is [_, "layers", var number, ..] ? int.Parse(number) : 0;
        return $"{Array.FindIndex(parts, name.Contains)}-{layer:000}-{Array.FindIndex(inLayer, name.Contains):00}";
    }
}
