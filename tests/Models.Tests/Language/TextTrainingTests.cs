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

    [Theory]
    [InlineData(TextGrouping.Shuffled)]
    [InlineData(TextGrouping.Buckets)]
    public void Accumulation_OfTextsThatDifferInLength_IsOnePassOverAll(TextGrouping grouping)
    {
        // 2 and 26 learned tokens, and none.
        TokenizedText[] texts = [Text(4, 2), Text(4, 26), Text(9, 0)];
        using var parts = Create("bone");
        using var whole = Create("bone");
        var losses = new List<double>();
        foreach (var (model, size, accumulation) in new[] { (parts, 1, 3), (whole, 3, 1) })
        {
            using var training = new TextTraining(
                model,
                new TextBatches(texts, size, 1, grouping),
                Options(1) with { Accumulation = accumulation, ClipNorm = 0 });
            training.Run(cancellation: TestContext.Current.CancellationToken);
            losses.Add(training.Losses[0]);
        }

        Assert.Equal(losses[0], losses[1], 1e-5);
        var (one, other) = (Gradient(parts), Gradient(whole));
        Assert.Equal(1, nn.functional.cosine_similarity(one, other, 0).item<float>(), 1e-5);
        Assert.True(one.allclose(other, 1e-3, 1e-6));

        static Tensor Gradient(ICausalModel model) =>
            cat([.. model.AdapterParameters().Select(parameter => parameter.grad!.flatten())]);
    }

    [Fact]
    public void StepInWhichNothingIsLearned_MovesNothing()
    {
        using var model = Create("bone");
        using (no_grad()) model.AdapterParameters()[0].add_(1);
        var before = model.AdapterParameters()[0].clone();
        using var training = new TextTraining(
            model, new TextBatches([Text(4, 0), Text(1, 1)], 1, 1), Options(2) with { WeightDecay = 0.1 });
        var steps = new List<double>();
        training.Run(
            progress =>
            {
                steps.Add(progress.Loss);
                if (progress.Loss == 0 && steps.Count == 1)
                {
                    Assert.True(model.AdapterParameters()[0].Equals(before));
                }
            },
            TestContext.Current.CancellationToken);
        Assert.Single(steps, loss => loss == 0);
        Assert.All(steps, loss => Assert.True(double.IsFinite(loss)));
    }

    [Theory]
    [InlineData(2, 4, 6, "the run began with accumulation 1, and these options have 2; resume with the options")]
    [InlineData(1, 8, 6, "the run began with batch size 4, and these options have 8; resume with the options")]
    [InlineData(1, 4, 3, "the run has taken 5 steps, and these options ask for 3; ask for as many or more")]
    public void ResumingWithAnotherRecipe_IsRefused(int accumulation, int size, int steps, string message)
    {
        var checkpoint = folder.File("state.safetensors");
        using (var first = Create("bone"))
        {
            using var training = new TextTraining(first, Batches(), Options(5) with { Checkpoint = checkpoint });
            training.Run(cancellation: TestContext.Current.CancellationToken);
        }

        using var second = Create("bone");
        var before = second.AdapterParameters()[0].clone();
        var options = Options(steps) with { Checkpoint = checkpoint, Accumulation = accumulation };
        Assert.Contains(message, Assert.Throws<CheckpointException>(() =>
            new TextTraining(second, new TextBatches(Texts(), size, 7), options)).Message);
        Assert.True(second.AdapterParameters()[0].Equals(before));
        using var more = new TextTraining(
            second, Batches(), Options(8) with { Checkpoint = checkpoint }); // the schedule is then that of 8 steps
        more.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(8, more.Losses.Count);
    }

    [Theory]
    [InlineData(40, 3, "id 40 is not in the model's vocabulary of 40; use the tokenizer that came with the model")]
    [InlineData(-1, 3, "id -1 is not in the model's vocabulary of 40")]
    [InlineData(5, 34, "its 34 tokens are more than the model's context of 32 holds; leave it out")]
    public void TextThatTheModelCannotTake_IsRefusedBeforeTraining(int last, int length, string words)
    {
        using var model = Create("bone");
        var text = Text(1, length - 1);
        text.Ids[^1] = last;
        var batches = new TextBatches([Text(2, 2), text with { Source = "data.jsonl, line 9" }], 1, 1);
        var message = Assert.Throws<ArgumentException>(() => new TextTraining(model, batches, Options(1))).Message;
        Assert.StartsWith("data.jsonl, line 9: ", message);
        Assert.Contains(words, message);
        new TextTraining(model, new TextBatches([Text(1, 32)], 1, 1), Options(1)).Dispose(); // 32 are seen
    }

    [Fact]
    public void Nan_StopsWithThePlace_AndLeavesTheParameters()
    {
        using var model = Create("bone");
        var before = model.AdapterParameters()[0].clone();
        using (no_grad()) ((Models.Llama)model).Layers[1].Mlp.UpProj!.Weight[0, 0] = float.NaN;
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

    private static TokenizedText Text(int prompt, int response) => new(
        [.. Enumerable.Range(0, prompt + response).Select(i => 3 + (7 * i % 37))],
        [.. Enumerable.Range(0, prompt + response).Select(i => i >= prompt)]);

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
