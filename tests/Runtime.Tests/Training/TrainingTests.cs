using Marrow.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Training;

[Model]
public partial class Net(int features, double dropout = 0.2)
{
    [Linear(nameof(features), 16)] public partial Linear First { get; }

    [BatchNorm1d(16)] public partial BatchNorm1d Norm { get; }

    [Dropout(nameof(dropout))] public partial Dropout Drop { get; }

    [Linear(16, 1)] public partial Linear Last { get; }

    [Forward]
    private Tensor Network(Tensor x) => Last.call(Drop.call(relu(Norm.call(First.call(x))))).squeeze(1);
}

[Model]
public sealed partial class Line(int features)
{
    [Linear(nameof(features), 1)] public partial Linear Layer { get; }

    [Forward]
    private Tensor Network(Tensor x) => Layer.call(x).squeeze(1);
}

public sealed class TrainingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();
    private readonly Tensor inputs, targets;

    public TrainingTests()
    {
        manual_seed(1);
        inputs = randn(64, 4);
        targets = (inputs.select(1, 0) - (2 * inputs.select(1, 2))).tanh();
    }

    public static TheoryData<int> Kills => [.. Enumerable.Range(1, 8)];

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory, MemberData(nameof(Kills))]
    public void RunThatIsKilledAnywhere_AndResumed_EqualsOneThatWasNot(int kill)
    {
        var options = new TrainingOptions
        {
            Steps = 9,
            Accumulation = 3,
            Rate = new OneCycleSchedule(0.05, 9),
            ClipNorm = 0.5,
            AverageDecay = 0.8,
            Checkpoint = folder.File("state.safetensors"),
            CheckpointEvery = 2,
        };
        using var whole = Create();
        var expected = Run(whole, options with { Checkpoint = null }, int.MaxValue);

        using (var killed = Create())
        {
            Assert.Throws<InvalidOperationException>(() => Run(killed, options, kill));
        }

        using var resumed = Create();
        Assert.Equal(expected, Run(resumed, options, int.MaxValue));
        AssertSameState(whole, resumed);
    }

    [Fact]
    public void Canceled_SavesAndResumes()
    {
        using var model = Create();
        using var stop = new CancellationTokenSource();
        var options = new TrainingOptions { Steps = 5, Checkpoint = folder.File("state.safetensors") };
        using (var training = Train(model, options))
        {
            Assert.Throws<OperationCanceledException>(() => training.Run(
                progress =>
                {
                    if (progress.Step == 3)
                    {
                        stop.Cancel();
                    }
                },
                stop.Token));
        }

        using var again = Train(model, options);
        Assert.Equal(3, again.Step);
    }

    [Fact]
    public void AccumulationByWeight_IsOneBigBatch()
    {
        using var parts = new Line(4);
        using var whole = new Line(4);
        whole.load_state_dict(parts.state_dict());
        int[] ends = [0, 3, 20, 21, 64];
        var options = new TrainingOptions { Steps = 5, ClipNorm = 0.3, Optimizer = Sgd };
        var losses = new List<double>();
        using (var training = new Training<(Tensor X, Tensor Y)>(
            parts,
            number => Rows(ends[number % 4], ends[(number % 4) + 1]),
            batch => new BatchLoss(mse_loss(parts.call(batch.X), batch.Y), batch.X.size(0)),
            options with { Accumulation = 4 }))
        {
            training.Run(progress => losses.Add(progress.Loss), TestContext.Current.CancellationToken);
        }

        using var reference = new Training<(Tensor X, Tensor Y)>(
            whole, _ => Rows(0, 64), batch => mse_loss(whole.call(batch.X), batch.Y), options);
        reference.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.All(losses.Zip(reference.Losses), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        Assert.True(parts.Layer.Weight.allclose(whole.Layer.Weight, 1e-5, 1e-7));
    }

    [Fact]
    public void BatchThatWeighsNothing_IsLeftOut()
    {
        using var model = new Line(4);
        using var other = new Line(4);
        other.load_state_dict(model.state_dict());
        var options = new TrainingOptions { Steps = 2, Optimizer = Sgd };
        Run(model, 2, number => number % 2);
        Run(other, 1, _ => 1);
        Assert.True(model.Layer.Weight.allclose(other.Layer.Weight, 1e-6, 1e-8));
        var before = model.Layer.Weight.clone();
        Assert.Equal([0, 0], Run(model, 2, _ => 0)); // a step of nothing moves nothing, and decays nothing
        Assert.True(model.Layer.Weight.Equals(before));
        Assert.Contains("weighs NaN", Assert.Throws<ArgumentException>(() => Run(model, 2, _ => double.NaN)).Message);

        IReadOnlyList<double> Run(Line line, int accumulation, Func<long, double> weight)
        {
            using var training = new Training<long>(
                line,
                number => number,
                number => new BatchLoss(
                    weight(number) == 0 ? tensor(float.NaN) : mse_loss(line.call(inputs), targets), weight(number)),
                options with { Accumulation = accumulation });
            training.Run(cancellation: TestContext.Current.CancellationToken);
            return training.Losses;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.01)]
    public void ClipNorm_BoundsTheStep(double clip)
    {
        using var model = new Line(4);
        var before = model.Layer.Weight.clone();
        var bias = model.Layer.Bias!.clone();
        using var training = new Training<(Tensor X, Tensor Y)>(
            model, _ => Rows(0, 64), batch => mse_loss(model.call(batch.X), batch.Y) * 100,
            new() { Steps = 1, Rate = new ConstantSchedule(1), ClipNorm = clip, Optimizer = Sgd });
        var norm = 0.0;
        training.Run(progress => norm = progress.GradientNorm, TestContext.Current.CancellationToken);
        var moved = cat([(model.Layer.Weight - before).flatten(), model.Layer.Bias! - bias]).norm().item<float>();
        Assert.True(norm > 1);
        Assert.Equal(clip == 0 ? norm : clip, moved, 1e-3 * norm);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EarlyStopping_KeepsTheBest_AndResumesWithIt(bool isKilled)
    {
        double[] scores = [0.3, 0.5, double.NaN, 0.7, 0.6, 0.7, 0.1, 0.9];
        var (measured, atBest) = (0, new Dictionary<string, Tensor>());
        using var model = Create();
        var options = new TrainingOptions
        {
            Steps = 100,
            AverageDecay = 0.9,
            Checkpoint = folder.File("state.safetensors"),
            CheckpointEvery = 1,
            Evaluation = new(Measure, Every: 2, HigherIsBetter: true, Patience: 3),
        };
        if (isKilled)
        {
            Assert.Throws<InvalidOperationException>(() => Run(model, options, 11));
            measured = 5; // the state of step 10 holds five scores
            using var noise = no_grad();
            model.parameters().ToList().ForEach(parameter => parameter.add_(1));
        }

        using var training = Train(model, options);
        training.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(14, training.Step);
        Assert.Equal(scores[..7], training.Scores);
        Assert.Equal(0.7, training.BestScore);
        Assert.All(model.state_dict(), pair => Assert.True(pair.Value.Equals(atBest[pair.Key]), pair.Key));
        Assert.True(model.training);

        double Measure()
        {
            Assert.False(model.training);
            if (measured == 3)
            {
                atBest = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone()
                    .DetachFromDisposeScope());
            }

            return scores[measured++];
        }
    }

    [Fact]
    public void Evaluation_WithoutPatience_NotesScoresOnly()
    {
        using var model = Create();
        var seen = new List<double?>();
        using var training = Train(
            model, new() { Steps = 5, Evaluation = new(() => 7, Every: 2, HigherIsBetter: false) });
        training.Run(progress => seen.Add(progress.Score), TestContext.Current.CancellationToken);
        Assert.Equal([null, 7, null, 7, 7], seen);
        var last = model.Last.Weight.clone();
        training.UseBest();
        Assert.True(model.Last.Weight.Equals(last));
    }

    [Fact]
    public void Evaluation_SeesTheAverage()
    {
        using var model = new Line(4);
        var average = model.Layer.Weight.detach().clone();
        using var training = new Training<(Tensor X, Tensor Y)>(
            model, _ => Rows(0, 64), batch => mse_loss(model.call(batch.X), batch.Y),
            new()
            {
                Steps = 3,
                AverageDecay = 0.75,
                Evaluation = new(
                    () => model.Layer.Weight.allclose(average, 1e-5, 1e-7) ? 1 : 0, Every: 1, HigherIsBetter: true),
            });
        var raw = model.Layer.Weight.detach().clone();
        training.Run(
            progress =>
            {
                Assert.False(model.Layer.Weight.allclose(average, 1e-5, 1e-7));
                raw = model.Layer.Weight.detach().clone();
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(3, training.Scores.Count);
        Assert.True(raw.Equals(model.Layer.Weight));
    }

    [Fact]
    public void Stop_EndsTheRun_AndAnotherGoesOn()
    {
        using var model = Create();
        using var whole = Create();
        manual_seed(6);
        using (var reference = Train(whole, new() { Steps = 6 }))
        {
            reference.Run(cancellation: TestContext.Current.CancellationToken);
        }

        manual_seed(6);
        using var training = Train(model, new() { Steps = 6, Checkpoint = folder.File("state.safetensors") });
        training.Run(
            progress =>
            {
                if (progress.Step == 2)
                {
                    training.Stop();
                }
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(2, training.Step);
        Assert.True(File.Exists(folder.File("state.safetensors")));
        training.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(6, training.Losses.Count);
        AssertSameState(whole, model);
    }

    [Fact]
    public void Faults_SayWhatIsWrong()
    {
        using var model = new Line(4);
        Assert.Contains("is NaN", Message<TrainingException>(() => mse_loss(model.call(inputs) / 0, targets)));
        Assert.Contains("Take its mean", Message<ArgumentException>(() => model.call(inputs)));
        Assert.Contains("depends on no parameter", Message<TrainingException>(() => inputs.mean()));
        Assert.Throws<ArgumentOutOfRangeException>(() => Train(Create(), new() { Accumulation = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Train(Create(), new() { AverageDecay = 1 }));

        string Message<T>(Func<Tensor> loss)
            where T : Exception
        {
            using var training = new Training<long>(model, number => number, _ => loss(), new());
            return Assert.Throws<T>(() => training.Run(cancellation: TestContext.Current.CancellationToken)).Message;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Parameters_Of16Bits_AreMovedByCopiesIn32(bool isAdam)
    {
        using var model = new Line(4);
        model.to(ScalarType.BFloat16);
        using var twin = new Line(4);
        using (no_grad())
        {
            twin.Layer.Weight.copy_(model.Layer.Weight);
            twin.Layer.Bias!.copy_(model.Layer.Bias!);
        }

        // A gradient that is exact in 16 bits, and a rate so small that a rounded weight would never move.
        var slope = tensor(new[] { 1f, -0.5f, 0.25f, 2f });
        var options = new TrainingOptions
        {
            Steps = 200,
            Rate = new ConstantSchedule(1e-4),
            Optimizer = parameters => isAdam ? new FusedAdamW(parameters, 0) : new Sgd(parameters, momentum: 0.9),
            Checkpoint = folder.File("state.safetensors"),
        };
        Fit(model);
        Fit(twin);
        Assert.True(model.Layer.Weight.Equals(twin.Layer.Weight.to(ScalarType.BFloat16)));
        using (var file = SafetensorsFile.Open(folder.File("state.safetensors")))
        {
            Assert.Equal(ScalarType.Float32, file.ReadTensor("optimizer.layer.weight.master").dtype);
        }

        void Fit(Line line)
        {
            using var training = new Training<long>(
                line,
                number => number,
                _ => (line.Layer.Weight * slope.to(line.Layer.Weight.dtype)).sum(),
                line == model ? options : options with { Checkpoint = null });
            training.Run(cancellation: TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public void ResumedRun_Of16Bits_EqualsOneThatWasNotStopped()
    {
        var weights = Enumerable.Range(0, 2).Select(run =>
        {
            manual_seed(3);
            var model = new Line(4);
            model.to(ScalarType.BFloat16);
            var options = new TrainingOptions
            {
                Steps = 40,
                AverageDecay = 0.99,
                Checkpoint = run == 0 ? null : folder.File("state.safetensors"),
            };
            foreach (var end in run == 0 ? [40] : new[] { 17, 40 })
            {
                using var training = new Training<(Tensor X, Tensor Y)>(
                    model,
                    Batch,
                    batch => mse_loss(model.call(batch.X.to(ScalarType.BFloat16)).to(float32), batch.Y),
                    options);
                training.Run(
                    progress =>
                    {
                        if (progress.Step == end)
                        {
                            training.Stop();
                        }
                    },
                    TestContext.Current.CancellationToken);
            }

            return model.Layer.Weight;
        }).ToList();
        Assert.True(weights[0].Equals(weights[1]));
    }

    [Fact]
    public void Average_LeavesAFrozenBaseAlone()
    {
        using var model = new Line(4);
        model.Layer.Weight.requires_grad = false;
        using var average = new ExponentialAverage(model, 0.9);
        Assert.Equal(["layer.bias"], average.Tensors.Select(tensor => tensor.Name));
        average.Update();
        average.Swap();
    }

    [Fact]
    public void WeightOf16Bits_ThatIsSetBetweenSteps_KeepsItsNewValue()
    {
        var weight = new Parameter(ones(2).to(ScalarType.BFloat16));
        using var optimizer = new Sgd([new("w", weight)]);
        weight.grad = ones(2).to(ScalarType.BFloat16);
        optimizer.Step(1e-4);
        using (no_grad())
        {
            weight[0] = 3;
        }

        optimizer.Step(1e-4);
        Assert.Equal([3f, 1f], weight.to(float32).data<float>().ToArray());
        var master = optimizer.State.Single().Value.data<float>().ToArray();
        Assert.Equal(3 - 1e-4, master[0], 1e-6);
        Assert.Equal(1 - 2e-4, master[1], 1e-6);
    }

    [Fact]
    public void Average_Of16Bits_MovesAndComesBack()
    {
        using var model = new Line(4);
        model.to(ScalarType.BFloat16);
        using var average = new ExponentialAverage(model, 0.999);
        using (no_grad())
        {
            model.Layer.Weight.add_(1);
        }

        var before = model.Layer.Weight.detach().clone();
        for (var step = 0; step < 2000; step++)
        {
            average.Update();
        }

        var kept = average.Tensors.Single(tensor => tensor.Name == "layer.weight").Value.clone();
        average.Swap();
        Assert.True(model.Layer.Weight.to(float32).allclose(before.to(float32) - Math.Pow(0.999, 2000), 0.01, 0.01));
        average.Swap();
        Assert.True(model.Layer.Weight.Equals(before));
        Assert.True(average.Tensors.Single(tensor => tensor.Name == "layer.weight").Value.Equals(kept));
    }

    [Fact]
    public void Steps_LeaveNoTensor()
    {
        using var model = Create();
        using var training = Train(model, new() { Steps = 30, AverageDecay = 0.9, Accumulation = 2 });
        var counts = new List<long>();
        training.Run(
            progress =>
            {
                if (progress.Step % 10 == 0)
                {
                    GC.Collect();
                    GC.WaitForPendingFinalizers();
                    counts.Add(Tensor.TotalCount);
                }
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(counts[0], counts[2]);
    }

    private static Sgd Sgd(IReadOnlyList<TrainedParameter> parameters) => new(parameters);

    private static Net Create()
    {
        manual_seed(5);
        return new Net(4);
    }

    /// <summary>Runs until a step, where it dies; the losses.</summary>
    private IReadOnlyList<double> Run(Net model, TrainingOptions options, int kill)
    {
        manual_seed(File.Exists(options.Checkpoint) ? 99 : 6); // another process has other random numbers
        using var training = Train(model, options);
        training.Run(
            progress =>
            {
                if (progress.Step == kill)
                {
                    throw new InvalidOperationException("killed");
                }
            },
            TestContext.Current.CancellationToken);
        return training.WithAverage(() => training.Losses.Append(model.First.Weight.sum().item<float>()).ToList());
    }

    private Training<(Tensor X, Tensor Y)> Train(Net model, TrainingOptions options) =>
        new(model, Batch, batch => mse_loss(model.call(batch.X), batch.Y), options);

    private (Tensor X, Tensor Y) Batch(long number) => Rows((int)(number * 8 % 64), (int)(number * 8 % 64) + 8);

    private (Tensor X, Tensor Y) Rows(int first, int end) =>
        (inputs.narrow(0, first, end - first), targets.narrow(0, first, end - first));

    private static void AssertSameState(Net expected, Net actual) =>
        Assert.All(expected.state_dict(), pair =>
            Assert.True(pair.Value.Equals(actual.state_dict()[pair.Key]), pair.Key));
}
