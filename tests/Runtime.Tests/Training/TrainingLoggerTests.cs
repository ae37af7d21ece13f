using Microsoft.Extensions.Logging;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Training;

/// <summary>What an application that asks hears of a training.</summary>
public sealed class TrainingLoggerTests
{
    [Fact]
    public void Logger_HearsOfBeginStepsSavesAndEnd()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new Line(4);
        var (logger, steps) = (new Lines(), new List<int>());
        var options = new TrainingOptions
        {
            Steps = 4,
            LogEvery = 2,
            Checkpoint = folder.File("state"),
            CheckpointEvery = 3,
            Evaluation = new(() => 0.25, Every: 4, HigherIsBetter: true),
            Logger = logger,
        };
        using var training = new Training<Tensor>(
            model, _ => ones(2, 4), x => model.call(x).square().mean(), options);
        IProgress<TrainingProgress> progress = new Synchronous(step => steps.Add(step.Step));
        training.Run(progress.Report, TestContext.Current.CancellationToken);
        Assert.Equal([1, 2, 3, 4], steps);
        string[] expected =
        [
            "Training Line, steps 1 to 4", "Step 2 of 4: loss ", $"Saved step 3 in {folder.File("state")}",
            "Step 4 of 4: loss ", "Step 4: score 0.25", $"Saved step 4 in {folder.File("state")}", "Ended after step 4",
        ];
        Assert.Equal(expected.Length, logger.Texts.Count);
        Assert.All(expected.Zip(logger.Texts), pair => Assert.StartsWith(pair.First, pair.Second));
    }

    private sealed class Synchronous(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }

    private sealed class Lines : ILogger
    {
        public List<string> Texts { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Texts.Add(formatter(state, exception));
    }
}
