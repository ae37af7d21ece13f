using Marrow.Checkpoints;
using Marrow.Vision;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Models.Tests.Vision;

/// <summary>Exported models compute what trained ones do, bit for bit, from integers.</summary>
public sealed class ExportTests : IDisposable
{
    private readonly string path =
        Path.Combine(Directory.CreateTempSubdirectory("marrow-export").FullName, "model.safetensors");

    public static TheoryData<string> Kinds => [.. Models.Keys];

    private static readonly Dictionary<string, Func<PlainViT>> Models = new()
    {
        ["StatsQ"] = () => new StatsQViT(),
        ["Lsq"] = () => new LsqViT(),
        ["Qkr"] = () => new QkrViT(),
        ["WeightOnly"] = () => new WeightOnlyViT(),
        ["EightBit"] = () => new EightBitViT(),
        ["FiveBit"] = () => new FiveBitViT(),
        ["Freezing"] = () => new FreezingQkrViT(),
    };

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ExportedModel_GivesTheSameLogits(string kind)
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var trained = Train(Models[kind]());
        trained.eval();
        var (batch, single) = (randn(6, 3, 16, 16), randn(1, 3, 16, 16));
        Tensor[] expected;
        using (no_grad())
        {
            expected = [trained.call(batch), trained.call(single)];
        }

        trained.Export(path);
        var loaded = Models[kind]();
        loaded.LoadExport(path);
        Assert.Equal(expected[0].data<float>().ToArray(), loaded.call(batch).data<float>().ToArray());
        Assert.Equal(expected[1].data<float>().ToArray(), loaded.call(single).data<float>().ToArray());
        Assert.All(loaded.parameters(), parameter => Assert.False(parameter.requires_grad));
        Assert.DoesNotContain(loaded.named_parameters(), pair => pair.name is "blocks.0.mlp.fc1.weight");
    }

    [Fact]
    public void Export_OfTwoBits_IsSmall()
    {
        using var scope = NewDisposeScope();
        var model = Train(new StatsQViT());
        model.Export(path);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal([128, 16], file.Tensors["blocks.0.mlp.fc1.weight.words"].Shape);
        Assert.Equal([128], file.Tensors["blocks.0.mlp.fc1.weight.scale"].Shape);
    }

    [Fact]
    public void LoadExport_OfAnotherModel_IsOneClearError()
    {
        using var scope = NewDisposeScope();
        Train(new StatsQViT()).Export(path);
        var fault = Assert.Throws<CheckpointException>(() => new FiveBitViT().LoadExport(path));
        Assert.Contains("use a file that FiveBitViT exported", fault.Message);
    }

    [Fact]
    public void Export_OfAPlainModel_IsOneClearError()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("no quantized layer",
            Assert.Throws<CheckpointException>(() => new PlainViT().Export(path)).Message);
    }

    /// <summary>A few steps, so that every quantizer has its steps and every parameter has moved.</summary>
    private static PlainViT Train(PlainViT model)
    {
        var options = new ImageTrainingOptions
        {
            Steps = 4,
            AnnealingSteps = 2,
            BatchSize = 8,
            LearningRate = 0.01,
            WarmUp = 1,
            FreezeThreshold = (0.001, 0.001),
        };
        using var training = new ImageTraining(
            model, GeneratedImages.Create(40, 16, 1), new EvaluationTransform(16, Normalization.ImageNet), options);
        training.Run(cancellation: TestContext.Current.CancellationToken);
        return model;
    }
}
