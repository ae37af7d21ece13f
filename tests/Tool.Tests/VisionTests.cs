using Marrow.Models;
using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary>Vision checkpoints: what they are, whether they load, and the class of their sizes.</summary>
public sealed class VisionTests
{
    public static TheoryData<string, IModel> Models => new()
    {
        { "DeiT", new DeiT(32, 16, 192, 12, 3, 10) },
        { "VisionTransformer", new VisionTransformer(32, 16, 384, 12, 6, 5) },
        { "Swin", new Swin(56, 4, 96, 2, 2, 6, 2, 3, 7, 10) },
        { "DeiT", new DeiT(32, 8, 64, 2, 4, 10, mlpRatio: 2) },
        { "VisionTransformer", new VisionTransformer(32, 4, 48, 3, 2, 10) },
        { "VisionTransformer", new VisionTransformer(28, 7, 192, 12, 3, 10, channels: 1) },
        { "Swin", new Swin(32, 2, 32, 1, 1, 2, 1, 2, 4, 10, mlpRatio: 3) },
    };

    [Theory]
    [MemberData(nameof(Models), DisableDiscoveryEnumeration = true)]
    public void SavedModel_IsKnownByItsConfiguration(string type, IModel model)
    {
        using (model)
        {
            using var folder = new TemporaryFolder();
            model.SavePretrained(folder.Path);
            var loading = Call.Json("inspect", folder.Path).GetProperty("loading");
            Assert.True(loading.GetProperty("loads").GetBoolean(), $"{loading}");
            Assert.Equal(type, loading.GetProperty("class").GetString());
            using var scaffolded = CompiledModel.Create(Call.Succeeds("scaffold", folder.Path, "--method", "lora"));
            scaffolded.LoadPretrained(folder.Path);
        }
    }

    [Theory]
    [InlineData(
        """{ "model_type": "vit", SIZES, "image_size": 32, "id2label": { "0": "a", "1": "b", "2": "c" } }""",
        "VisionTransformer",
        "classes: 3")]
    [InlineData(
        """{ "model_type": "deit", "architectures": ["DeiTForImageClassificationWithTeacher"], SIZES }""",
        "DeiT",
        "normEps: 1e-12")]
    [InlineData("""{ "model_type": "deit", SIZES }""", "VisionTransformer", "distillationToken: true")]
    [InlineData(
        """{ "model_type": "swin", "embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24] }""",
        "Swin",
        "depth2: 6")]
    [InlineData(
        """{ "architecture": "swin_base_patch4_window7_224", "num_classes": 1000 }""", "Swin", "dim: 128")]
    [InlineData(
        """
        {
          "architecture": "vit_tiny_patch4_32", "num_classes": 10,
          "model_args": { "embed_dim": 64, "depth": 2, "num_heads": 4 }
        }
        """,
        "VisionTransformer",
        "dim: 64")]
    [InlineData(
        """{ "architecture": "swin_tiny_patch4_window7_224", "model_args": { "depths": [1, 1, 2, 1] } }""",
        "Swin",
        "depth2: 2")]
    public void Configuration_SaysWhichClass(string configuration, string type, string part)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), configuration.Replace(
            "SIZES", """ "hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768 """));
        var text = Call.Succeeds("scaffold", folder.Path);
        Assert.Contains($": {type}(", text);
        Assert.Contains(part, text);
        Assert.True(Call.Json("inspect", folder.Path).GetProperty("loading").GetProperty("loads").GetBoolean());
    }
}
