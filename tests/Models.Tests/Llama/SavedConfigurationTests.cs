using System.Text.Json.Nodes;
using Xunit;

namespace Marrow.Tests.Llama;

/// <summary>A model that was loaded is saved with what its folder held.</summary>
public sealed class SavedConfigurationTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    private string Base => Path.Combine(folder, "base");

    private static Models.Llama Create() => new(32, 16, 24, 1, 2, 1, context: 64);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Fields_ThatNoLayerDependsOn_AreWrittenAsTheyWere()
    {
        using (var made = Create())
        {
            made.SavePretrained(Base);
        }

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Base, "config.json")))!.AsObject();
        config["bos_token_id"] = 7;
        config["eos_token_id"] = new JsonArray(8, 9);
        config["pad_token_id"] = 3;
        config["max_position_embeddings"] = 131072;
        config["torch_dtype"] = "bfloat16";
        config["custom"] = "kept";
        config.Remove("head_dim");
        File.WriteAllText(Path.Combine(Base, "config.json"), config.ToJsonString());
        File.WriteAllText(Path.Combine(Base, "tokenizer.json"), "base");
        File.WriteAllText(Path.Combine(Base, "generation_config.json"), "base");
        File.WriteAllText(Path.Combine(Base, "notes.txt"), "base");

        using var model = Create();
        model.LoadPretrained(Base);
        var to = Directory.CreateDirectory(Path.Combine(folder, "to")).FullName;
        File.WriteAllText(Path.Combine(to, "generation_config.json"), "own");
        model.SavePretrained(to);

        var saved = JsonNode.Parse(File.ReadAllText(Path.Combine(to, "config.json")))!.AsObject();
        config["torch_dtype"] = "float32"; // what the weights are
        Assert.True(JsonNode.DeepEquals(config, saved), saved.ToJsonString());
        Assert.Equal("base", File.ReadAllText(Path.Combine(to, "tokenizer.json")));
        Assert.Equal("own", File.ReadAllText(Path.Combine(to, "generation_config.json")));
        Assert.False(File.Exists(Path.Combine(to, "notes.txt")));

        // In place of its base, too.
        model.SavePretrained(Base);
        Assert.Equal("base", File.ReadAllText(Path.Combine(Base, "tokenizer.json")));
        using var again = Create();
        again.LoadPretrained(Base);
    }
}
