using Marrow.Checkpoints;
using Marrow.Language;
using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Language;

[Model]
public partial class TextLlama() : Models.Llama(40, 32, 48, 2, heads: 4, keyValueHeads: 2, context: 32);

[Recompute, Lora(Rank = 4, Init = LoraInit.Pissa, LearningRateRatio = 4, Dropout = 0.1)]
public sealed partial class TextLlamaPissa() : TextLlama;

[Bone(BlockSize = 8)]
public sealed partial class TextLlamaBone() : TextLlama;

[Dora(Rank = 4)]
public sealed partial class TextRwkv6Dora() : Models.Rwkv6(40, 32, 48, 2, headSize: 16, mixRank: 4, decayRank: 8);

public sealed class TextTrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Names => ["pissa", "bone", "rwkv6"];

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory, MemberData(nameof(Names))]
    public void Loss_Falls_AndTheBaseStaysAsItIs(string name)
    {
        using var model = Create(name);
        var frozen = model.Module.named_parameters().Where(pair => !pair.parameter.requires_grad).ToDictionary(pair =>
            pair.name, pair => pair.parameter.clone());
        var losses = new List<double>();
        using (var training =
            new TextTraining(model, Batches(), Options(60) with { LearningRate = name == "pissa" ? 0.003 : 0.02 }))
        {
            training.Run(progress => losses.Add(progress.Loss), TestContext.Current.CancellationToken);
        }

        Assert.True(losses.TakeLast(5).Average() < 0.9 * losses.Take(5).Average(), $"{losses[0]} to {losses[^1]}");
        Assert.NotEmpty(frozen);
        Assert.All(model.Module.named_parameters().Where(pair => frozen.ContainsKey(pair.name)), pair =>
            Assert.True(pair.parameter.Equals(frozen[pair.name])));
    }

    [Theory, MemberData(nameof(Names))]
    public void ResumedRun_EqualsAnUninterruptedOne_BitForBit(string name)
    {
        using var whole = Create(name);
        using (var training = new TextTraining(whole, Batches(), Options(12)))
        {
            training.Run(cancellation: TestContext.Current.CancellationToken);
        }

        var checkpoint = folder.File("state.safetensors");
        using (var first = Create(name))
        {
            using var stop = new CancellationTokenSource();
            using var training = new TextTraining(
                first, Batches(), Options(12) with { Checkpoint = checkpoint, CheckpointEvery = 3 });
            Assert.Throws<OperationCanceledException>(() =>
                training.Run(progress => { if (progress.Step == 5) stop.Cancel(); }, stop.Token));
        }

        manual_seed(99); // another process has other random numbers
        using var second = Create(name);
        using (var training = new TextTraining(second, Batches(), Options(12) with { Checkpoint = checkpoint }))
        {
            Assert.Equal(5, training.Step);
            training.Run(cancellation: TestContext.Current.CancellationToken);
        }

        Assert.All(
            whole.Module.named_parameters().Zip(second.Module.named_parameters()),
            pair => Assert.True(pair.First.parameter.Equals(pair.Second.parameter), pair.First.name));
    }

    [Fact]
    public void Checkpoint_OfAnAdapter_HoldsNoFrozenWeights_AndRefusesAnotherModel()
    {
        var checkpoint = folder.File("state.safetensors");
        using (var model = Create("bone"))
        {
            using var training = new TextTraining(model, Batches(), Options(2) with { Checkpoint = checkpoint });
            training.Run(cancellation: TestContext.Current.CancellationToken);
        }

        using (var file = SafetensorsFile.Open(checkpoint))
        {
            Assert.DoesNotContain(file.Tensors.Keys, name => name.EndsWith(".weight"));
        }

        using var other = Create("pissa");
        Assert.Contains("missing", Assert.Throws<CheckpointException>(() =>
            new TextTraining(other, Batches(), Options(2) with { Checkpoint = checkpoint })).Message);
    }

    [Fact]
    public void Accumulation_TakesTheSameStepsAsOneLargeBatch()
    {
        // All texts equally long, so that the mean of two batches' losses is that of both together.
        using var small = Create("bone");
        using var large = Create("bone");
        using (var training =
            new TextTraining(small, new TextBatches(Texts(), 4, 1), Options(3) with { Accumulation = 2 }))
        {
            training.Run(cancellation: TestContext.Current.CancellationToken);
        }

        var joined = new TextBatches(Texts(), 4, 1);
        using (var optimizer = new FusedAdamW(TrainedParameter.Of(large.Module), 0))
        {
            for (var step = 0; step < 3; step++)
            {
                using var inner = NewDisposeScope();
                var (one, two) = (joined[2 * step], joined[(2 * step) + 1]);
                optimizer.ZeroGradients();
                TextTraining.Loss(large, new(cat([one.Ids, two.Ids]), cat([one.Labels, two.Labels]))).backward();
                nn.utils.clip_grad_norm_(large.AdapterParameters(), 1);
                optimizer.Step(new CosineSchedule(0.02, 3).Rate(step));
            }
        }

        Assert.All(small.AdapterParameters().Zip(large.AdapterParameters()), pair =>
            Assert.True(pair.First.allclose(pair.Second, 1e-4, 1e-6)));
    }

    [Fact]
    public void Nan_StopsWithThePlace_AndLeavesTheParameters()
    {
        using var model = Create("bone");
        var before = model.AdapterParameters()[0].clone();
        using (no_grad()) ((Models.Llama)model).Layers[1].Mlp.UpProj.Weight[0, 0] = float.NaN;
        using var training = new TextTraining(model, Batches(), Options(2));
        var error = Assert.Throws<TrainingException>(() =>
            training.Run(cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("'model.layers.1.mlp.up_proj.weight' holds NaN", error.Message);
        Assert.True(model.AdapterParameters()[0].Equals(before));
    }

    [Fact]
    public void ClipNormOf0_ClipsNothing()
    {
        using var model = Create("bone");
        using var training = new TextTraining(model, Batches(), Options(3) with { ClipNorm = 0 });
        training.Run(progress =>
            Assert.True(double.IsFinite(progress.GradientNorm)), TestContext.Current.CancellationToken);
        Assert.Equal(3, training.Losses.Count);
    }

    [Fact]
    public void Log_IsWrittenForTensorBoard()
    {
        using var model = Create("bone");
        using var training = new TextTraining(model, Batches(), Options(2) with { Log = folder.File("log") });
        training.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.NotEmpty(Directory.GetFiles(folder.File("log"), "*tfevents*", SearchOption.AllDirectories));
    }

    private static TextTrainingOptions Options(int steps) => new() { Steps = steps, LearningRate = 0.02 };

    /// <summary>Texts whose response repeats the prompt.</summary>
    private static List<TokenizedText> Texts()
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, 40).Select(_ =>
        {
            int[] prompt = [1, .. Enumerable.Range(0, 4).Select(_ => random.Next(3, 40))];
            return new TokenizedText(
                [.. prompt, .. prompt], [.. prompt.Select(_ => false), .. prompt.Select(_ => true)]);
        })];
    }

    private static TextBatches Batches() => new(Texts(), 4, seed: 7, TextGrouping.Buckets);

    private static ICausalModel Create(string name)
    {
        manual_seed(5);
        ICausalModel model = name switch
        {
            "pissa" => new TextLlamaPissa(),
            "bone" => new TextLlamaBone(),
            _ =>
            new TextRwkv6Dora()
        };
        manual_seed(6);
        return model;
    }
}
