using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Marrow.Examples.FineTune.Data;
using Marrow.Examples.FineTune.Pictures;
using Marrow.Models;

namespace Marrow.Examples.FineTune;

/// <summary>The whole run: a base, problems, one method after another, results.</summary>
internal sealed class Experiment
{
    private const int Interrupted = 130, GeneratedTraining = 4000;

    private readonly Options options;
    private readonly Screen screen = new();
    private readonly CancellationToken stop;
    private readonly List<MethodResult> finished = [];
    private readonly Dictionary<string, string> unfinished = [];
    private readonly List<string> kept = [];

    private Experiment(Options options, CancellationToken stop) => (this.options, this.stop) = (options, stop);

    /// <summary>Runs with these options.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Options options)
    {
        using var stop = new CancellationTokenSource();

        // The first Ctrl-C asks for an orderly end, a second one ends the process at once.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal =>
        {
            signal.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        });
        return new Experiment(options, stop.Token).Run();
    }

    private int Run()
    {
        var clock = Stopwatch.StartNew();
        Directory.CreateDirectory(options.Out);
        var from = options.Base is { } directory ? BaseModel.Open(directory) : Pretraining.Prepare(options, screen, stop);
        if (from is null)
        {
            screen.Warn("Stopped during pretraining; nothing was finished.");
            return Interrupted;
        }

        var encoder = new Encoder(from.Tokenizer, from.Sizes.Context);
        var (train, test) = Examples(encoder);
        var before = BaseAccuracy(from, encoder, test);
        if (before is null)
        {
            screen.Warn("Stopped before the first method; nothing was finished.");
            return Interrupted;
        }

        screen.Say(Text($"The base solves {100 * before:F1} % of {test.Count} held-out problems before fine-tuning."));
        foreach (var method in options.Methods)
        {
            if (stop.IsCancellationRequested)
            {
                unfinished[method.Name] = "not started";
                continue;
            }

            FineTune(method, from, encoder, train, test);
        }

        Finish(before.Value, clock.Elapsed);
        return stop.IsCancellationRequested && unfinished.Count > 0 ? Interrupted
            : unfinished.Count > 0 ? 1
            : 0;
    }

    /// <summary>What to train on and what to hold out, as far as the model's context holds them.</summary>
    private (IReadOnlyList<Example> Train, IReadOnlyList<Example> Test) Examples(Encoder encoder)
    {
        var (train, heldOut, source) = options.Data is { } file ? ProblemFile.Split(file) : Generated();
        var (fitting, tooLong) = encoder.EncodeAll(train);
        var (test, testTooLong) = encoder.EncodeAll(heldOut);
        screen.Say($"Problems: {fitting.Count:N0} to learn from; {Math.Min(test.Count, options.Test):N0} held out ({source}).");
        if (tooLong + testTooLong > 0)
        {
            screen.Warn($"Skipped as longer than the model's context: {tooLong:N0} of {train.Count:N0} to learn from, {testTooLong:N0} of {heldOut.Count:N0} held out.");
        }

        return fitting.Count > 0 && test.Count > 0
            ? (fitting, [.. test.Take(options.Test)])
            : throw new UserException("No problem is short enough for the model's context; use a base with a longer one, or shorter problems.");
    }

    private (IReadOnlyList<Problem> Train, IReadOnlyList<Problem> HeldOut, string Source) Generated()
    {
        // Other seeds than pretraining's; none of the held-out questions is among those to learn from.
        var problems = new GeneratedProblems(options.Seed + 1).TwoSteps()
            .DistinctBy(problem => problem.Question).Take(options.Test + GeneratedTraining).ToList();
        return (problems[options.Test..], problems[..options.Test], "generated, two steps each");
    }

    private double? BaseAccuracy(BaseModel from, Encoder encoder, IReadOnlyList<Example> test)
    {
        using var model = new Method("base", 0, (sizes, _) => new FullTuning(sizes)).Create(from, options);
        return Evaluation.Accuracy(model, test, encoder, from.Sizes.Context, options.Device, stop);
    }

    private void FineTune(Method method, BaseModel from, Encoder encoder, IReadOnlyList<Example> train, IReadOnlyList<Example> test)
    {
        var isPeakOwn = PeakMemory.TryReset();
        using var model = method.Create(from, options);
        var batches = new Batches(train, options.BatchSize, options.Seed, options.Device);
        var run = screen.Track(method.Name, options.Steps, report =>
            TrainingLoop.Run(model, batches, options.Steps, options.LearningRate ?? method.LearningRate, report, stop));
        var peak = isPeakOwn ? PeakMemory.MiB() : null;
        switch (run.Ending)
        {
            case Ending.Diverged:
                unfinished[method.Name] = $"diverged at step {run.Losses.Count}";
                screen.Warn($"{method.Name} stopped: its loss is not finite at step {run.Losses.Count}; try a lower --learning-rate.");
                return;
            case Ending.CutOff:
                unfinished[method.Name] = $"cut off after step {run.Losses.Count}";
                return;
        }

        Keep(method, model, from, test);
        if (Evaluation.Accuracy(model, test, encoder, from.Sizes.Context, options.Device, stop) is not { } accuracy)
        {
            unfinished[method.Name] = "cut off before its accuracy was known";
            return;
        }

        var result = new MethodResult(method.Name, Method.Trainable(model), run, accuracy, peak);
        finished.Add(result);
        screen.Say(Text($"{method.Name}: loss {result.LossFirst:F3} to {result.LossLast:F3}, solves {100 * accuracy:F1} %."));
    }

    /// <summary>Saves what was learned, and makes sure that it is the same once loaded.</summary>
    private void Keep(Method method, Llama model, BaseModel from, IReadOnlyList<Example> test)
    {
        var directory = Path.Combine(options.Out, "adapters", method.Name);
        using var again = method.Create(from, options);
        if (method.IsAdapter)
        {
            model.SaveAdapter(directory);
            again.LoadAdapter(directory);
        }
        else
        {
            model.SavePretrained(directory);
            foreach (var file in Directory.GetFiles(from.Directory, "tokenizer.*"))
            {
                File.Copy(file, Path.Combine(directory, Path.GetFileName(file)), overwrite: true);
            }

            again.LoadPretrained(directory, options.Device);
        }

        var difference = Evaluation.Difference(model, again, test, options.Device);
        kept.Add(Text($"{directory} ({(difference == 0 ? "loaded again, gives the same logits" : $"loaded again, logits differ by up to {difference:E1}")})"));
    }

    private void Finish(double before, TimeSpan elapsed)
    {
        var results = new Results(before, finished, unfinished);
        screen.Say("");
        screen.Show(results.Table());
        screen.Say($"Losses are means over the first and the last {MethodResult.Window(options.Steps)} steps; accuracy is the exact final number, decoded greedily.");
        foreach (var path in kept)
        {
            screen.Say($"Saved:   {path}");
        }

        if (finished.Count > 0)
        {
            var picture = Path.Combine(options.Out, "loss.png");
            LossPicture.Write(picture, finished);
            screen.Say($"Picture: {picture}");
        }

        if (options.Json is { } json)
        {
            results.WriteJson(json, options, options.Data is { } data ? Path.GetFileName(data) : "generated");
            screen.Say($"Results: {json}");
        }

        screen.Say(Text($"Time:    {elapsed.TotalSeconds:F0} s"));
        foreach (var (method, reason) in unfinished)
        {
            screen.Warn($"Not finished: {method} ({reason}).");
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
