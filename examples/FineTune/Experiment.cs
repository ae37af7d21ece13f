using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Marrow.Examples.FineTune.Data;
using Marrow.Examples.FineTune.Pictures;
using Marrow.Language;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>The whole run: a base, problems, one method after another with each seed, results.</summary>
internal sealed class Experiment
{
    private const int Interrupted = 130, GeneratedTraining = 4000, SolvedAtOnce = 64, StartBatches = 4;

    private readonly Options options;
    private readonly Screen screen = new();
    private readonly CancellationToken stop;
    private readonly List<MethodResult> finished = [];
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
        OutputFolder.RequireWritable(options.Out);
        if (options.Json is { } results)
        {
            OutputFolder.RequireWritable(Path.GetDirectoryName(Path.GetFullPath(results))!);
        }

        // A bad file shows before any training.
        var problems = options.Data is { } file ? ProblemFile.Split(file) : Generated();
        var from = options.Base is { } path
            ? BaseModel.Open(path)
            : Pretraining.Prepare(options, screen, stop);
        if (from is null)
        {
            screen.Warn("Stopped during pretraining; nothing was finished.");
            return Interrupted;
        }

        var encoder = new InstructionEncoder(
            from.Tokenizer, options.Template, addBegin: options.Template != PromptTemplate.Rwkv);
        var (train, test) = Fitting(problems, encoder, from);
        Score before;
        using (var model = from.Create(Method.Full, options.BlockSize, options.Seeds[0], options.Device))
        {
            if (Evaluate(model, encoder, test) is not { } score)
            {
                screen.Warn("Stopped before the first method; nothing was finished.");
                return Interrupted;
            }

            before = score;
        }

        PrepareState();
        screen.Say(
            Text($"The base solves {100 * before.Accuracy:F1} % of {test.Count} held-out problems before fine-tuning; ")
            + Text($"their loss is {before.Loss:F3}."));
        var runs = options.Seeds.SelectMany(seed => options.Methods.Select(method => (seed, method)));
        foreach (var (seed, method) in runs)
        {
            var name = options.Seeds.Count > 1 ? Text($"{method.Name}, seed {seed}") : method.Name;
            if (stop.IsCancellationRequested)
            {
                unfinished[name] = "not started";
                continue;
            }

            FineTune(name, method, seed, from, encoder, train, test);
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
    private (IReadOnlyList<TokenizedText> Train, IReadOnlyList<Instruction> Test) Fitting(
        (IReadOnlyList<Instruction>, IReadOnlyList<Instruction>, string) problems,
        InstructionEncoder encoder,
        BaseModel from)
    {
        var (train, heldOut, source) = problems;
        var context = options.Context is { } own ? Math.Min(own, from.Context ?? own) : from.Context;
        var (fitting, tooLong) = encoder.EncodeAll(train, context);
        var test = heldOut
            .Where(problem => !(encoder.Encode(problem).Length > context)
                && !(encoder.EncodePrompt(problem).Length >= context))
            .ToList();
        screen.Say(
            $"Problems: {fitting.Count:N0} to learn from; {Math.Min(test.Count, options.Test):N0} held out "
            + $"({source}).");
        if (tooLong > 0 || test.Count < heldOut.Count)
        {
            screen.Warn(
                $"Skipped as longer than the context: {tooLong:N0} of {train.Count:N0} to learn from, "
                + $"{heldOut.Count - test.Count:N0} of {heldOut.Count:N0} held out.");
        }

        return fitting.Count > 0 && test.Count > 0
            ? (fitting, [.. test.Take(options.Test)])
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

    private void FineTune(
        string name,
        Method method,
        int seed,
        BaseModel from,
        InstructionEncoder encoder,
        IReadOnlyList<TokenizedText> train,
        IReadOnlyList<Instruction> test)
    {
        var isPeakOwn = PeakMemory.TryReset();
        using var model = from.Create(method, options.BlockSize, seed, options.Device);
        var batches = new TextBatches(train, options.BatchSize, (ulong)seed);
        if (method.StartsFromGradients)
        {
            model.StartLoraGa(StartBatches, number => TextTraining.Loss(model, batches[number, options.Device]));
        }

        var times = new List<double>();
        var checkpoint = Path.Combine(StateFolder, Text($"{method.Name}-{seed}.safetensors"));
        var recipe = options.Recipe(options.Steps, options.LearningRate ?? method.LearningRate, checkpoint);
        using var training = new TextTraining(model, batches, recipe);
        if (training.Step > 0)
        {
            screen.Say($"{name}: goes on after step {training.Step}, where an earlier run was stopped.");
        }

        try
        {
            screen.Track(name, options.Steps, report =>
            {
                training.Run(
                    progress =>
                    {
                        times.Add(progress.Milliseconds);
                        report(progress.Step, progress.Loss);
                    },
                    stop);
                return true;
            });
        }
        catch (OperationCanceledException)
        {
            unfinished[name] = $"cut off after step {training.Step}; the same command goes on there";
            return;
        }
        catch (TrainingException fault)
        {
            unfinished[name] = $"diverged at step {training.Step}";
            screen.Warn($"{name} stopped. {fault.Message}");
            return;
        }

        var peak = isPeakOwn ? PeakMemory.MiB() : null;
        if (seed == options.Seeds[0])
        {
            Keep(method, model, from, encoder, test);
        }

        if (Evaluate(model, encoder, test) is not { } score)
        {
            unfinished[name] = "cut off before its accuracy was known";
            return;
        }

        var result = new MethodResult(method.Name, seed, Method.Trainable(model), training.Losses, times, score, peak);
        finished.Add(result);
        screen.Say(
            Text($"{name}: loss {result.LossFirst:F3} to {result.LossLast:F3}, held out {score.Loss:F3}, ")
            + Text($"solves {100 * score.Accuracy:F1} %."));
    }

    /// <summary>Loss and accuracy on held-out problems; null if the user asked to stop before the end.</summary>
    private Score? Evaluate(ICausalModel model, InstructionEncoder encoder, IReadOnlyList<Instruction> test)
    {
        var texts = test.Select(encoder.Encode).ToList();
        var longest = texts.Max(text => text.Learned.Count(learned => learned));
        var solving = new ProblemSolving(model, encoder, FinalAnswer.IsSolved);
        var solved = solving.Solve(test, longest, SolvedAtOnce, stop: stop);
        if (solved.Count < test.Count)
        {
            return null;
        }

        using var noGrad = no_grad();
        model.Module.eval();
        var batches = new TextBatches(texts, options.BatchSize, seed: 0);
        var (sum, tokens) = (0.0, 0L);
        for (var number = 0; number < batches.Count; number++)
        {
            using var scope = NewDisposeScope();
            var batch = batches[number, options.Device];
            var learned = batch.Labels.ne(TextBatches.Ignored).sum().item<long>();
            sum += TextTraining.Loss(model, batch).item<float>() * learned;
            tokens += learned;
        }

        return new((double)solved.Count(problem => problem.IsSolved) / test.Count, sum / tokens);
    }

    /// <summary>Saves what was learned, and makes sure that it is the same once loaded.</summary>
    private void Keep(
        Method method,
        ICausalModel model,
        BaseModel from,
        InstructionEncoder encoder,
        IReadOnlyList<Instruction> test)
    {
        var directory = Path.Combine(options.Out, "adapters", method.Name);
        if (method.StartsFromGradients)
        {
            model.SaveAdapter(directory);
            kept.Add($"{directory} (as plain LoRA of twice the rank, without its start)");
            return;
        }

        using var again = from.Create(method, options.BlockSize, options.Seeds[0], options.Device);
        if (method.IsAdapter)
        {
            model.SaveAdapter(directory);
            again.LoadAdapter(directory);
        }
        else
        {
            model.SavePretrained(directory);
            var folder = File.Exists(from.Path) ? Path.GetDirectoryName(Path.GetFullPath(from.Path))! : from.Path;
            foreach (var file in Directory.GetFiles(folder, "tokenizer.*"))
            {
                File.Copy(file, Path.Combine(directory, Path.GetFileName(file)), overwrite: true);
            }

            again.LoadPretrained(directory, options.Device);
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        model.Module.eval();
        again.Module.eval();
        var ids = new TextBatches([.. test.Take(8).Select(encoder.Encode)], 8, 0)[0, options.Device].Ids;
        var logits = ((nn.Module<Tensor, Tensor>)model.Module).call(ids);
        var difference = (logits - ((nn.Module<Tensor, Tensor>)again.Module).call(ids)).abs().max().item<float>();
        var outcome = difference == 0
            ? "gives the same logits"
            : Text($"logits differ by up to {difference:E1}");
        kept.Add($"{directory} (loaded again, {outcome})");
    }

    private void Finish(Score before, TimeSpan elapsed)
    {
        var results = new Results(before, finished, unfinished);
        screen.Say("");
        screen.Show(results.Table());
        screen.Say(
            $"Losses are means over the first and the last {MethodResult.Window(options.Steps)} steps; accuracy is the "
            + "exact final answer, decoded greedily.");
        foreach (var path in kept)
        {
            screen.Say($"Saved:   {path}");
        }

        if (finished.Count > 0)
        {
            var picture = Path.Combine(options.Out, "loss.png");
            LossPicture.Write(picture, [.. finished.Where(result => result.Seed == options.Seeds[0])]);
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
