using Marrow.Vision;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Models.Tests.Vision;

/// <summary>The recipe: it learns, resumes exactly, treats oscillation, and stops at NaN.</summary>
public sealed class ImageTrainingTests : IDisposable
{
    private static readonly ImageSet Images = GeneratedImages.Create(60, 16, 1);
    private static readonly IImageTransform Transform = new TrainingTransform(16, Normalization.ImageNet);
    private readonly string folder = Directory.CreateTempSubdirectory("marrow-training").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static ImageTrainingOptions Options => new()
    {
        Steps = 8,
        BatchSize = 8,
        LearningRate = 5e-3,
        WarmUp = 2,
        Accumulation = 2,
        AverageDecay = 0.9,
        MixUp = 0.8,
        CutMix = 1,
        FreezeThreshold = (0.005, 0.005),
        Seed = 3,
    };

    [Fact]
    public void Training_ReducesTheLoss()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var losses = new List<double>();
        using var training = new ImageTraining(
            new StatsQViT(), Images, new EvaluationTransform(16, Normalization.ImageNet),
                new() { Steps = 40, BatchSize = 30, LearningRate = 3e-3, WarmUp = 4 });
        training.Run(progress => losses.Add(progress.Loss), TestContext.Current.CancellationToken);
        Assert.True(losses[^5..].Average() < losses[..5].Average() - 0.2, string.Join(" ", losses));
    }

    [Theory]
    [InlineData("statsq")]
    [InlineData("qkr")]
    [InlineData("swin")]
    public void Training_InBfloat16_ReducesTheLoss_AndBeginsAsFloat32(string kind)
    {
        using var scope = NewDisposeScope();
        var (exact, rounded) = (Losses(ScalarType.Float32), Losses(ScalarType.BFloat16));
        Assert.True(rounded[^5..].Average() < rounded[..5].Average() - 0.1, string.Join(" ", rounded));
        Assert.Equal(exact.Take(5).Average(), rounded.Take(5).Average(), 0.3); // rounding moves levels of 2 bits

        List<double> Losses(ScalarType type)
        {
            manual_seed(1);
            using var made = Construction.On(dtype: type);
            nn.Module<Tensor, Tensor> model = kind switch
            {
                "statsq" => new StatsQViT(),
                "qkr" => new QkrViT(),
                _ => new QuantizedSwin(),
            };
            Assert.Equal(type, model.parameters().First().dtype);
            var size = kind == "swin" ? 32 : 16;
            var losses = new List<double>();
            using var training = new ImageTraining(
                model, GeneratedImages.Create(60, size, 1), new EvaluationTransform(size, Normalization.ImageNet),
                    new() { Steps = 25, BatchSize = 30, LearningRate = 3e-3, WarmUp = 4 });
            training.Run(progress => losses.Add(progress.Loss), TestContext.Current.CancellationToken);
            Assert.InRange(
                Accuracy.Of(model, Images, new EvaluationTransform(size, Normalization.ImageNet)), 0, 1);
            return losses;
        }
    }

    [Theory]
    [InlineData("freeze")]
    [InlineData("cga")]
    public void Resumed_TakesTheSameSteps(string kind)
    {
        using var scope = NewDisposeScope();
        PlainViT Model() => kind == "freeze" ? new FreezingQkrViT() : new QkrViT();
        var options = kind == "freeze" ? Options : Options with { Steps = 4, AnnealingSteps = 4, AnnealingRate = 1e-2 };
        manual_seed(1);
        var whole = Run(Model(), options, stopAfter: int.MaxValue);

        var path = Path.Combine(folder, "state.safetensors");
        manual_seed(1);
        var stopped = Assert.Throws<OperationCanceledException>(() =>
            Run(Model(), options with { Checkpoint = path }, stopAfter: 5));
        Assert.NotNull(stopped);
        manual_seed(99);
        var resumed = Run(Model(), options with { Checkpoint = path }, stopAfter: int.MaxValue);
        Assert.Equal(whole.Losses[5..], resumed.Losses);
        foreach (var ((name, a), (_, b)) in whole.Model.named_parameters().Zip(resumed.Model.named_parameters()))
        {
            Assert.True(a.bytes.SequenceEqual(b.bytes), name);
        }
    }

    [Fact]
    public void Annealing_MovesNoConfidentWeight()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var model = new QkrViT();
        using var training = new ImageTraining(model, Images, Transform,
            Options with { Steps = 2, AnnealingSteps = 3, AnnealingRate = 0.05, WeightDecay = 1, AverageDecay = 0 });
        var weights = ((IModel)model).QuantizedWeights()
            .Where(weight => weight.Settings.Oscillation == Oscillation.Cga)
            .ToList();
        Tensor[] before = [];
        Tensor[] confident = [];
        var shares = new List<double>();
        training.Run(
            progress =>
            {
                foreach (var (index, weight) in weights.Index().Where(_ => before.Length > 0))
                {
                    // What was confident before this step stands still: a layer's weight, and a product as the forward
                    // pass sees it.
                    var moved = (weight.Value().detach() != before[index]).logical_and(
                        confident[index]).count_nonzero().item<long>();
                    Assert.True(moved == 0, $"step {progress.Step}: {moved} of {weight.Name} moved");
                    Assert.True((weight.Value().detach() != before[index]).any().item<bool>(),
                        $"{weight.Name} is frozen as a whole");
                }

                if (progress.Step >= 2)
                {
                    shares.Add(progress.Frozen);
                    before = [.. weights.Select(weight => weight.Value().detach().clone())];
                    confident = [.. weights.Select(weight =>
                        Quantization.Oscillations.Cga.Confident(weight.GridPosition(), 0.05))];
                }
            },
            TestContext.Current.CancellationToken);
        Assert.All(shares[1..], share => Assert.InRange(share, 0.5, 0.999));
    }

    [Fact]
    public void FrozenLevels_Stay()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var model = new FreezingQkrViT();
        using var training = new ImageTraining(
            model, Images, Transform, Options with { Steps = 12, LearningRate = 0.02 });
        var frozen = 0L;
        training.Run(
            progress =>
            {
                foreach (var weight in ((IModel)model).QuantizedWeights().Where(weight =>
                    weight.Frozen.Mask is not null))
                {
                    frozen += weight.Frozen.Mask!.count_nonzero().item<long>();
                    Assert.Equal(0, (weight.Levels() != weight.Frozen.Levels!).logical_and(
                        weight.Frozen.Mask!).count_nonzero().item<long>());
                }
            },
            TestContext.Current.CancellationToken);
        Assert.True(frozen > 0);
    }

    [Fact]
    public void NaN_StopsWithTheLayersName()
    {
        using var scope = NewDisposeScope();
        var model = new PlainViT();
        using var training = new ImageTraining(model, Images, Transform, Options);
        using (no_grad())
        {
            model.Blocks[1].Mlp.Fc1.Weight[0, 0] = double.NaN;
        }

        Assert.Contains("'blocks.1.mlp.fc1.weight' holds NaN", Assert.Throws<TrainingException>(() =>
            training.Run(cancellation: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void Overflow_StopsWithTheLayersName()
    {
        using var scope = NewDisposeScope();
        var model = new PlainViT();
        using var training = new ImageTraining(model, Images, Transform, Options);
        using (no_grad())
        {
            model.Blocks[1].Mlp.Fc1.Weight.fill_(1e30f);
            model.Blocks[1].Mlp.Fc2.Weight.fill_(1e30f);
        }

        Assert.Contains("'blocks.1.mlp.fc2' is the first", Assert.Throws<TrainingException>(() =>
            training.Run(cancellation: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void Distillation_TeachesTheSecondHead()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var (teacher, student) = (new PlainViT(), new PlainViT());
        using var training = new ImageTraining(
            student, Images, new EvaluationTransform(16, Normalization.ImageNet),
                new() { Steps = 2, BatchSize = 8, HardDistillation = 1 }, teacher);
        training.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Null(teacher.Head.Weight.grad);
        Assert.NotNull(student.HeadDist.Weight.grad);
    }

    [Fact]
    public void Swin_Trains()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var training = new ImageTraining(
            new QuantizedSwin(), GeneratedImages.Create(20, 32, 1), new TrainingTransform(32, Normalization.ImageNet),
                new() { Steps = 2, BatchSize = 4 });
        training.Run(progress => Assert.True(double.IsFinite(progress.Loss)), TestContext.Current.CancellationToken);
        Assert.Contains(training.Oscillations!.Weights(), weight =>
            weight.Name.EndsWith(".qk", StringComparison.Ordinal));
    }

    private static (PlainViT Model, List<double> Losses) Run(
        PlainViT model, ImageTrainingOptions options, int stopAfter)
    {
        using var stop = new CancellationTokenSource();
        using var training = new ImageTraining(model, Images, Transform, options);
        var losses = new List<double>();
        training.Run(
            progress =>
            {
                losses.Add(progress.Loss);
                if (progress.Step == stopAfter)
                {
                    stop.Cancel();
                }
            },
            stop.Token);
        return (model, losses);
    }
}
