using Marrow.Models;
using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary><c>marrow quantize</c> on small models and real images.</summary>
public sealed class QuantizeTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Model_IsTrainedExportedAndReported()
    {
        var result = Call.Json(
            "quantize", Model(), "--data", SharedData.Require("data/cifar10/imagefolder"), "--bits", "3", "--method",
            "statsq+qkr+cga", "--steps", "2", "--batch", "2", "--out", folder.File("out"));
        Assert.InRange(result.GetProperty("top1").GetDouble(), 0, 1);
        Assert.All(
            (string[])["model/model.safetensors", "packed.safetensors", "model.onnx"],
            name => Assert.True(File.Exists(folder.File($"out/{name}")), name));
        var report = File.ReadAllText(folder.File("out/report.html"));
        Assert.Contains("Latent weights", report);
        Assert.Contains("Run it again", report);
    }

    [Fact]
    public void FloatModel_IsExportedAsOnnx()
    {
        Call.Succeeds("export", Model(), "--to", "onnx", "--out", folder.File("model.onnx"));
        Assert.True(new FileInfo(folder.File("model.onnx")).Length > 1_000_000);
        Assert.Contains("needs a folder with the config.json of a ViT", Call.Fails(
            "export", "/nope", "--to", "onnx", "--out", folder.File("other.onnx")));
    }

    [Theory]
    [InlineData("--bits must be 2 to 8, not 9.", "--bits", "9")]
    [InlineData("--annealing-steps means nothing to the method lsq", "--method", "lsq", "--annealing-steps", "3")]
    [InlineData("did you mean 'statsq'?", "--method", "statq")]
    [InlineData("/nope: it is no folder; name the one that holds the images", "--data", "/nope")]
    public void WhatDoesNotFit_GetsOneSentence(string part, params string[] options)
    {
        var data = options.Contains("--data") ? [] : (string[])["--data", folder.Path];
        Assert.Contains(part, Call.Fails(["quantize", Model(), "--out", folder.File("out"), .. data, .. options]));
        Assert.False(Directory.Exists(folder.File("out")));
    }

    private string Model()
    {
        using IModel model = new DeiT(32, 16, 192, 12, 3, 10);
        model.SavePretrained(folder.File("model"));
        return folder.File("model");
    }
}
