using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Language;
using Marrow.Models;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Planning;
using Marrow.Tool.Terminal;
using Spectre.Console;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Tool.FineTuning;

/// <summary>A run of <c>marrow finetune</c>: everything is checked first, then trained, measured and saved.</summary>
internal sealed class FineTuningRun
{
    private const int Measurements = 10;
    private const double WarmUpShare = 0.03;

    private readonly BaseModel from;
    private readonly FineTuningMethod method;
    private readonly AdapterAttribute? attribute;
    private readonly FineTuningRequest request;
    private readonly Device device;
    private readonly ScalarType type;

    /// <param name="from">The base.</param>
    /// <param name="method">The method.</param>
    /// <param name="attribute">Its attribute; null: every weight trains.</param>
    /// <param name="request">What is to be done.</param>
    /// <param name="device">Where to train.</param>
    /// <param name="type">The type of the base's weights.</param>
    public FineTuningRun(
        BaseModel from,
        FineTuningMethod method,
        AdapterAttribute? attribute,
        FineTuningRequest request,
        Device device,
        ScalarType type) =>
        (this.from, this.method, this.attribute, this.request, this.device, this.type) =
            (from, method, attribute, request, device, type);

    /// <summary>Runs it.</summary>
    /// <exception cref="ToolException">An option does not fit.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; what is done is kept.</exception>
    public void Run(Invocation call)
    {
        var screen = call.Screen;
        var trainable = Trainable();
        RequireMemory(call);
        TextFiles.KindOf([.. request.Data, .. request.Files.HeldOut]);
        RequireFolder();
        var files = screen.Wait("Reading the texts", () => TextFiles.Open(from, request.Data, request.Files));
        var texts = Solvable(files, screen);
        var options = Options(texts);
        SaveSettings(options);
        screen.Say(
            $"{from.Architecture} of {Amounts.Count(from.Parameters)} parameters; {method.Name} trains "
            + $"{Amounts.Exact(trainable)}. {Amounts.Of(texts.Training.Count, "text")} to learn from, "
            + $"{Amounts.Exact(texts.HeldOut.Count)} held out, {Amounts.Of(options.Training.Steps, "step")}.");
        using var model = screen.Wait("Loading the weights", () =>
            from.Create(attribute, options.Seed, device, type));
        var encoder = request.Solve > 0 ? files.Encoder : null;
        var before = texts.HeldOut.Count > 0
            ? screen.Wait("Measuring the base", () => FineTuningScore.Of(
                model, texts, null, options.BatchSize, stop: call.Stop))
            : null;
        using var training = new Language.FineTuning(model, texts, options);
        if (training.Step > 0)
        {
            screen.Say($"Going on after step {training.Step}.");
        }

        var score = Stoppable(training, options, call, () =>
        {
            screen.Track(method.Name, options.Training.Steps, report =>
            {
                training.Run(new Reporting(report, device), call.Stop);
                return true;
            });
            SaveModel(model);
            return screen.Wait("Measuring the result", () => training.Score(encoder, call.Stop));
        });
        var result = new FineTuningResult(
            method.Name,
            options.Seed,
            trainable,
            training.Losses,
            training.HeldOutLosses,
            training.Milliseconds,
            score,
            Devices.Status(device)?.UsedBytes / Math.Pow(2, 20));
        SaveReport(result, before, options, texts, call);
        File.Delete(request.Checkpoint);
        call.Print(Json(result, before), (_, to) => Show(result, before, to));
    }

    /// <summary>How many parameters are trained; refuses a method that does not fit before anything else.</summary>
    private long Trainable()
    {
        try
        {
            return from.Trainable(attribute);
        }
        catch (ArgumentException fault)
        {
            throw new ToolException(fault.Message, fault);
        }
    }

    /// <summary>Refuses a run that the machine's memory cannot hold, before its weights are loaded.</summary>
    private void RequireMemory(Invocation call)
    {
        if (device.type != DeviceType.CPU)
        {
            return;
        }

        long needed;
        try
        {
            needed = MemoryPlanner.Plan(
                from.Path,
                method.Name,
                attribute is null ? [] : [attribute],
                request.Type,
                request.Options.BatchSize,
                request.Files.Context,
                call.Stop).Devices["cpu"].Training.Total;
        }
        catch (ToolException fault)
        {
            call.Screen.Warn(fault.Message); // sizes fit by now; the compiler would warn too, and go on
            return;
        }

        var there = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > there)
        {
            throw new ToolException(
                $"Training needs about {Amounts.Bytes(needed)} of memory and this machine has {Amounts.Bytes(there)}; "
                + "a smaller --batch or --context, --type bfloat16 or adapters instead of full need less (marrow plan "
                + "shows how much).");
        }
    }

    private void RequireFolder()
    {
        OutputFolder.RequireWritable(request.Out);
        if (request.Options.Training.Log is { } log)
        {
            OutputFolder.RequireWritable(log);
        }

        var isThere = File.Exists(request.Checkpoint) || File.Exists(request.Results);
        if (request.Resumes && !File.Exists(request.Checkpoint))
        {
            throw new ToolException(File.Exists(request.Results)
                ? $"{request.Out}: its run came to its end, so there is nothing to resume."
                : $"{request.Out}: it has no checkpoint to resume from; leave --resume out to start there.");
        }

        if (isThere && !request.Resumes && !request.Forces)
        {
            throw new ToolException(File.Exists(request.Checkpoint)
                ? $"{request.Out}: a run that was stopped lies there; --resume goes on with it, --force starts over, "
                    + "or choose another --out."
                : $"{request.Out}: the results of a run lie there; choose another --out, or --force writes over them.");
        }

        if (request.Forces && !request.Resumes)
        {
            File.Delete(request.Checkpoint);
        }
    }

    /// <summary>The texts, with as many problems as are to be solved.</summary>
    private TextSplit Solvable(TextFiles files, Screen screen)
    {
        var texts = files.Texts;
        if (texts.TooLong + texts.HeldOutTooLong > 0)
        {
            screen.Warn(
                $"Texts longer than the context of {request.Files.Context} tokens are left out: "
                + $"{texts.TooLong} to learn from, {texts.HeldOutTooLong} held out.");
        }

        if (request.Solve == 0)
        {
            return texts;
        }

        if (texts.Problems.Count == 0)
        {
            throw new ToolException(files.Kind == TextFileKind.Instructions
                ? "--solve needs held-out problems, and there are none; give --eval-data or an --eval-share above 0."
                : "--solve needs instructions with a final answer; conversations and plain text have none.");
        }

        return texts.Problems.FirstOrDefault(problem => FinalAnswer.Of(problem.Response) is null) is { } unmarked
            ? throw new ToolException(
                $"{unmarked.Source ?? unmarked.Question}: its response has no final answer behind '####' or 'The "
                + "answer is:', nor in \\boxed{}, so it cannot be judged; leave --solve out.")
            : texts with { Problems = [.. texts.Problems.Take(request.Solve)] };
    }

    /// <summary>The recipe, now that the number of texts is known.</summary>
    private FineTuningOptions Options(TextSplit texts)
    {
        var options = request.Options;
        var each = (double)texts.Training.Count / (options.BatchSize * options.Training.Accumulation);
        var steps = request.Steps ?? Math.Max(1, (int)Math.Ceiling(each * request.Epochs));
        return options with
        {
            EvaluateEvery = options.EvaluateEvery < 0 ? Math.Max(1, steps / Measurements) : options.EvaluateEvery,
            Training = options.Training with
            {
                Steps = steps,
                WarmUp = options.Training.WarmUp < 0 ? (int)(WarmUpShare * steps) : options.Training.WarmUp,
                Checkpoint = request.Checkpoint,
            },
        };
    }

    /// <summary>Saves what decides the run; one that goes on must have been started with the same.</summary>
    private void SaveSettings(FineTuningOptions options)
    {
        var settings = JsonSerializer.SerializeToNode(new
        {
            Model = from.Path,
            Method = method.Name,
            Adapter = attribute?.GetType().GetProperties()
                .Where(option => option.DeclaringType != typeof(Attribute))
                .ToDictionary(option => option.Name, option => option.GetValue(attribute)?.ToString()),
            request.Data,
            request.Files,
            Options = options with { Training = options.Training with { Checkpoint = null, Log = null } },
            request.Type,
        })!.AsObject();
        if (request.Resumes && File.Exists(request.Settings))
        {
            var saved = JsonNode.Parse(File.ReadAllText(request.Settings))!.AsObject();
            if (settings.FirstOrDefault(pair => !JsonNode.DeepEquals(pair.Value, saved[pair.Key])) is
                { Key: { } key } pair)
            {
                throw new ToolException(
                    $"{request.Out}: its run was started with another {key} ({saved[key]?.ToJsonString()}, now "
                    + $"{pair.Value?.ToJsonString()}); resume it with the same options.");
            }
        }

        AtomicFile.WriteText(
            request.Settings, settings.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    /// <summary>Says how to go on if the work is stopped.</summary>
    private T Stoppable<T>(Language.FineTuning training, FineTuningOptions options, Invocation call, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (OperationCanceledException)
        {
            call.Screen.Warn(
                $"stopped after step {training.Step} of {options.Training.Steps}; go on with: {call.Line}"
                + (request.Resumes ? "" : " --resume"));
            throw;
        }
    }

    private void SaveModel(ICausalModel model)
    {
        if (attribute is not null)
        {
            model.SaveAdapter(request.Adapter);
        }

        if (attribute is null || request.Merges)
        {
            from.Save(model, request.Merged);
        }
    }

    private void SaveReport(
        FineTuningResult result,
        FineTuningScore? before,
        FineTuningOptions options,
        TextSplit texts,
        Invocation call)
    {
        new FineTuningReport(
            $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(from.Path))} fine-tuned with {method.Name}",
            Configuration(options, texts),
            [result],
            call.Line.Replace(" --resume", "", StringComparison.Ordinal))
        {
            Before = before,
            Device = device,
        }.Save(request.Report);
        AtomicFile.WriteText(
            request.Results,
            Json(result, before).ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private List<(string, string)> Configuration(FineTuningOptions options, TextSplit texts)
    {
        var training = options.Training;
        return
        [
            ("Base", from.Path),
            ("Parameters", Amounts.Exact(from.Parameters)),
            ("Method", method.Name),
            .. Words(attribute),
            ("Data", string.Join(", ", request.Data)),
            ("Held out", request.Files.HeldOut.Count > 0
                ? string.Join(", ", request.Files.HeldOut)
                : Text($"the last {100 * request.Files.Share:0.#} %")),
            ("Texts", $"{Amounts.Exact(texts.Training.Count)} to learn from, "
                + $"{Amounts.Exact(texts.HeldOut.Count)} held out"),
            ("Context", Text($"{request.Files.Context} tokens")),
            ("Steps", Text($"{training.Steps}")),
            ("Batch size", Text($"{options.BatchSize}")),
            ("Batches in a step", Text($"{training.Accumulation}")),
            ("Learning rate", Text($"{training.LearningRate}, {training.Schedule.ToString().ToLowerInvariant()}, ")
                + Amounts.Of(training.WarmUp, "step") + " of warm-up"),
            ("Weight decay", Text($"{training.WeightDecay}")),
            ("Seed", Text($"{options.Seed}")),
            ("Device", $"{device}, {request.Type}"),
        ];
    }

    /// <summary>The options of the adapters that are not what they are by themselves.</summary>
    private static IEnumerable<(string, string)> Words(AdapterAttribute? attribute) => attribute switch
    {
        null => [],
        BoneAttribute bone => [("Block size", Text($"{bone.BlockSize}")), .. Targets(bone)],
        LowRankAttribute low =>
            [("Rank", Text($"{low.Rank}")), ("Alpha", Text($"{low.Alpha ?? low.Rank}")), .. Targets(low)],
        _ => Targets(attribute),
    };

    private static IEnumerable<(string, string)> Targets(AdapterAttribute attribute) => new[]
    {
        ("Targets", attribute.Targets ?? "all linear layers but heads"), ("Exclude", attribute.Exclude),
        ("Trained whole", attribute.Train),
    }.Where(pair => pair.Item2 is not null).Select(pair => (pair.Item1, pair.Item2!));

    private JsonObject Json(FineTuningResult result, FineTuningScore? before)
    {
        var json = result.ToJson();
        json["baseLoss"] = before?.Loss;
        json["adapter"] = attribute is null ? null : request.Adapter;
        json["merged"] = attribute is null || request.Merges ? request.Merged : null;
        json["report"] = request.Report;
        return json;
    }

    private void Show(FineTuningResult result, FineTuningScore? before, Screen screen)
    {
        var table = Screen.Table(FineTuningTable.Columns.Select((title, index) => (title, index > 0)));
        foreach (var row in FineTuningTable.Rows(before, [result], new Dictionary<string, string>()))
        {
            table.AddRow([.. row]);
        }

        screen.Show(table);
        screen.Facts(
            ("adapter", attribute is null ? null : request.Adapter),
            ("model", attribute is null || request.Merges ? request.Merged : null),
            ("report", request.Report));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Steps as the screen shows them.</summary>
    private sealed class Reporting(Action<int, string> report, Device device) : IProgress<TextTrainingProgress>
    {
        private double shown = double.NaN, heldOut = double.NaN;

        public void Report(TextTrainingProgress value)
        {
            // A single loss jumps about; what is shown is smoothed.
            shown = double.IsNaN(shown) ? value.Loss : (0.9 * shown) + (0.1 * value.Loss);
            heldOut = value.Score ?? heldOut;
            report(
                value.Step,
                Text($"loss {shown:F3}") + (double.IsNaN(heldOut) ? "" : Text($", held out {heldOut:F3}"))
                + (Devices.Status(device) is { } status ? $", {Amounts.Bytes(status.UsedBytes)} on the device" : ""));
        }
    }
}
