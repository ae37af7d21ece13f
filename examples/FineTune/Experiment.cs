using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Examples.FineTune.Data;
using Marrow.Language;
using Marrow.Models;
using Spectre.Console;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>The comparison: a base, problems, one method after another with each seed, results.</summary>
internal sealed class Experiment
{
    private const int Interrupted = 130, GeneratedTraining = 4000;

    private readonly Options options;
    private readonly Screen screen = new();
    private readonly CancellationToken stop;
    private readonly List<FineTuningResult> finished = [];
    private readonly Dictionary<string, string> unfinished = [];
    private readonly List<string> kept = [];

    /// <summary>Where trainings are saved while they run; a run with the same options goes on there.</summary>
    private string StateFolder => Path.Combine(options.Out, "state");

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
        RequireOutputs();

        // A bad file shows before any training.
        var problems = options.Data is { } file ? ProblemFile.Split(file) : Generated();
        using var from = options.Base is { } path ? BaseModel.Open(path) : Pretraining.Prepare(options, screen, stop);
        if (from is null)
        {
            screen.Warn("Stopped during pretraining; nothing was finished.");
            return Interrupted;
        }

        var size = new AdapterSize(options.BlockSize, from.EqualRank(options.BlockSize));
        options.Methods.ToList().ForEach(method => Variants.RequireFit(from, method, size));
        var encoder = from.Encoder(options.Template);
        var texts = Fitting(problems, encoder, from);
        PrepareState();
        if (Before(from, size, texts, encoder) is not { } before)
        {
            screen.Warn("Stopped before the first method; nothing was finished.");
            return Interrupted;
        }

        foreach (var (seed, method) in options.Seeds.SelectMany(
            seed => options.Methods.Select(method => (seed, method))))
        {
            var name = options.Seeds.Count > 1 ? Text($"{method.Name}, seed {seed}") : method.Name;
            if (stop.IsCancellationRequested)
            {
                unfinished[name] = "not started";
                continue;
            }

            Compare(name, method, size, seed, from, texts, encoder);
        }

        Finish(before, clock.Elapsed);
        if (unfinished.Count == 0)
        {
            Directory.Delete(StateFolder, recursive: true);
        }

        return stop.IsCancellationRequested && unfinished.Count > 0 ? Interrupted
            : unfinished.Count > 0 ? 1
            : 0;
    }

    /// <summary>Finds out before any work whether its results can be kept.</summary>
    private void RequireOutputs()
    {
        OutputFolder.RequireWritable(options.Out);
        if (options.Json is { } results)
        {
            OutputFolder.RequireWritableFile(results);
        }
    }

    /// <summary>Forgets the state of a run with other options.</summary>
    private void PrepareState()
    {
        var stamp = Path.Combine(StateFolder, "settings.json");
        if (Directory.Exists(StateFolder) && !File.Exists(stamp)
            && Directory.EnumerateFileSystemEntries(StateFolder).Any())
        {
            throw new CheckpointException(
                StateFolder, "the folder holds other things than an interrupted run", "choose another --out");
        }

        if (File.Exists(stamp) && File.ReadAllText(stamp) != options.Settings)
        {
            Directory.Delete(StateFolder, recursive: true);
        }

        Directory.CreateDirectory(StateFolder);
        AtomicFile.WriteText(stamp, options.Settings);
    }

    /// <summary>What to train on and what to hold out, as far as the context holds them.</summary>
    private TextSplit Fitting(
        (IReadOnlyList<Instruction> Train, IReadOnlyList<Instruction> HeldOut, string Source) problems,
        IInstructionEncoder encoder,
        BaseModel from)
    {
        var context = options.Context is { } own ? Math.Min(own, from.Context ?? own) : from.Context;
        var texts = TextSplit.Of(encoder, problems.Train, problems.HeldOut, context);
        screen.Say(
            $"Problems: {texts.Training.Count:N0} to learn from; {Math.Min(texts.HeldOut.Count, options.Test):N0} held "
            + $"out ({problems.Source}).");
        if (texts.TooLong > 0 || texts.HeldOutTooLong > 0)
        {
            screen.Warn(
                $"Skipped as longer than the context: {texts.TooLong:N0} of {problems.Train.Count:N0} to learn from, "
                + $"{texts.HeldOutTooLong:N0} of {problems.HeldOut.Count:N0} held out.");
        }

        return texts.Training.Count > 0 && texts.HeldOut.Count > 0
            ? texts with
            {
                HeldOut = [.. texts.HeldOut.Take(options.Test)],
                Problems = [.. texts.Problems.Take(options.Test)],
            }
            : throw new UserException(
                "No problem is short enough for the context; use a base with a longer one, or shorter problems.");
    }

    private (IReadOnlyList<Instruction> Train, IReadOnlyList<Instruction> HeldOut, string Source) Generated()
    {
        // Other seeds than pretraining's; none of the held-out questions is among those to learn from.
        var problems = new GeneratedProblems(options.Seeds[0] + 1).TwoSteps()
            .DistinctBy(problem => problem.Question).Take(options.Test + GeneratedTraining).ToList();
        return (problems[options.Test..], problems[..options.Test], "generated, two steps each");
    }

    /// <summary>What the base can do; null if the user asked to stop before it was known.</summary>
    private FineTuningScore? Before(BaseModel from, AdapterSize size, TextSplit texts, IInstructionEncoder encoder)
    {
        using var model = Variants.Create(
            from, FineTuningMethod.Named("full"), size, options.Seeds[0], options.Device, options.Type);
        try
        {
            var score = FineTuningScore.Of(model, texts, encoder, options.BatchSize, stop: stop);
            screen.Say(
                Text($"The base solves {100 * score.Accuracy:F1} % of {texts.HeldOut.Count} held-out problems before ")
                + Text($"fine-tuning; their loss is {score.Loss:F3}."));
            return score;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private void Compare(
        string name,
        FineTuningMethod method,
        AdapterSize size,
        int seed,
        BaseModel from,
        TextSplit texts,
        IInstructionEncoder encoder)
    {
        var isPeakOwn = PeakMemory.TryReset();
        using var model = Variants.Create(from, method, size, seed, options.Device, options.Type);
        var checkpoint = Path.Combine(StateFolder, Text($"{method.Name}-{seed}.safetensors"));
        using var run = new FineTuning(model, texts, new()
        {
            Training = options.Recipe(options.Steps, options.LearningRate ?? method.LearningRate, checkpoint),
            BatchSize = options.BatchSize,
            Seed = seed,
        });
        if (run.Step > 0)
        {
            screen.Say($"{name}: goes on after step {run.Step}, where an earlier run was stopped.");
        }

        try
        {
            screen.Track(name, options.Steps, report =>
            {
                run.Run(new Reporting(report), stop);
                return true;
            });
            var peak = Devices.Status(options.Device)?.UsedBytes / Math.Pow(2, 20)
                ?? (isPeakOwn ? PeakMemory.MiB() : null);
            if (seed == options.Seeds[0])
            {
                Keep(method, size, model, from, texts);
            }

            var score = run.Score(encoder, stop);
            var result = new FineTuningResult(
                method.Name, seed, FineTuning.Trainable(model), run.Losses, run.HeldOutLosses, run.Milliseconds, score,
                peak);
            finished.Add(result);
            screen.Say(
                Text($"{name}: loss {result.LossFirst:F3} to {result.LossLast:F3}, held out {score.Loss:F3}, ")
                + Text($"solves {100 * score.Accuracy:F1} %."));
        }
        catch (OperationCanceledException)
        {
            unfinished[name] = run.Step < options.Steps
                ? $"cut off after step {run.Step}; the same command goes on there"
                : "cut off before its accuracy was known";
        }
        catch (TrainingException fault)
        {
            unfinished[name] = $"diverged at step {run.Step}";
            screen.Warn($"{name} stopped. {fault.Message}");
        }
    }

    /// <summary>Saves what was learned, and makes sure that it is the same once loaded.</summary>
    private void Keep(FineTuningMethod method, AdapterSize size, ICausalModel model, BaseModel from, TextSplit texts)
    {
        var directory = Path.Combine(options.Out, "adapters", method.Name);
        if (method.Name == "lora-ga")
        {
            model.SaveAdapter(directory);
            kept.Add($"{directory} (as plain LoRA of twice the rank, without its start)");
            return;
        }

        using var again = Variants.Create(from, method, size, options.Seeds[0], options.Device, options.Type);
        if (method.IsAdapter)
        {
            model.SaveAdapter(directory);
            again.LoadAdapter(directory);
        }
        else
        {
            from.Save(model, directory);
            again.LoadPretrained(directory, options.Device);
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        model.Module.eval();
        again.Module.eval();
        var ids = new TextBatches([.. texts.HeldOut.Take(8)], 8, 0)[0, options.Device].Ids;
        var logits = ((nn.Module<Tensor, Tensor>)model.Module).call(ids);
        var own = ((nn.Module<Tensor, Tensor>)again.Module).call(ids);
        var difference = (logits - own).abs().max().to(ScalarType.Float32).item<float>();
        var outcome = difference == 0
            ? "gives the same logits"
            : Text($"logits differ by up to {difference:E1}");
        kept.Add($"{directory} (loaded again, {outcome})");
    }

    private void Finish(FineTuningScore before, TimeSpan elapsed)
    {
        screen.Say("");
        var table = new Table();
        foreach (var (index, title) in FineTuningTable.Columns.Index())
        {
            table.AddColumn(index == 0 ? new TableColumn(title) : new TableColumn(title).RightAligned());
        }

        foreach (var row in FineTuningTable.Rows(before, finished, unfinished))
        {
            table.AddRow([.. row]);
        }

        screen.Show(table);
        screen.Say(FineTuningTable.Note(finished));
        foreach (var path in kept)
        {
            screen.Say($"Saved:   {path}");
        }

        var report = new FineTuningReport(
            "Fine-tuning compared", Configuration(), finished, Repeating.Command("FineTune"))
        {
            Before = before,
            Device = options.Device,
            Unfinished = unfinished,
        };
        if (finished.Count > 0)
        {
            var picture = Path.Combine(options.Out, "loss.png");
            PngCanvas.Write(picture, report.Losses);
            screen.Say($"Picture: {picture}");
        }

        var page = Path.Combine(options.Out, "report.html");
        report.Save(page);
        screen.Say($"Report:  {page}");
        if (options.Json is { } json)
        {
            WriteJson(json, before);
            screen.Say($"Results: {json}");
        }

        screen.Say(Text($"Time:    {elapsed.TotalSeconds:F0} s"));
        foreach (var (method, reason) in unfinished)
        {
            screen.Warn($"Not finished: {method} ({reason}).");
        }
    }

    private IReadOnlyList<(string Name, string Value)> Configuration() =>
    [
        ("Base", options.Base ?? $"a small {(options.IsRwkv ? "RWKV-6" : "LLaMA")}, pretrained by this run"),
        ("Data", options.Data ?? "generated, two steps each"),
        ("Context", options.Context is { } context ? Text($"{context}") : "the base's own"),
        ("Steps", Text($"{options.Steps}")),
        ("Batch", Text($"{options.BatchSize}")),
        ("Peak rate", options.LearningRate is { } rate ? Text($"{rate}") : "each method's own"),
        ("Bone's block", Text($"{options.BlockSize}")),
        ("Seeds", string.Join(", ", options.Seeds)),
        ("Device", options.Device.ToString()),
        ("Type", $"{options.Type}"),
    ];

    /// <summary>Writes the results; the file appears whole or not at all.</summary>
    private void WriteJson(string path, FineTuningScore before) => AtomicFile.WriteText(path, new JsonObject
    {
        ["methods"] = new JsonArray([.. finished.Select(result => result.ToJson())]),
        ["model"] = options.Model,
        ["baseAccuracy"] = before.Accuracy,
        ["baseLoss"] = before.Loss,
        ["data"] = options.Data is { } data ? Path.GetFileName(data) : "generated",
        ["seed"] = options.Seeds[0], // of the data and the base; each method names its own
        ["steps"] = options.Steps,
        ["unfinished"] = new JsonObject(
            unfinished.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Steps as the screen shows them.</summary>
    private sealed class Reporting(Action<int, double> report) : IProgress<TextTrainingProgress>
    {
        public void Report(TextTrainingProgress value) => report(value.Step, value.Loss);
    }
}
