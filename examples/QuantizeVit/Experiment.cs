using Marrow.Vision;
using static TorchSharp.torch;

namespace Marrow.Examples.QuantizeVit;

/// <summary>The comparison: a teacher, then one quantized student after another.</summary>
internal sealed class Experiment
{
    private readonly Options options;
    private readonly ImageTask task;
    private readonly Screen screen = new();
    private readonly CancellationTokenSource stop = new();

    private Experiment(Options options, ImageTask task) => (this.options, this.task) = (options, task);

    private int Classes => task.Splits.Training.Classes.Count;

    /// <summary>Runs everything; the exit code.</summary>
    public static int Run(Options options)
    {
        if (options.Image % 4 != 0)
        {
            throw new UserException(
                $"--image {options.Image} is no multiple of the 4 pixels of a patch; use {options.Image / 4 * 4} or "
                + $"{(options.Image / 4 * 4) + 4}.");
        }

        var experiment = new Experiment(options, ImageTask.Open(options));
        Console.CancelKeyPress += (_, key) =>
        {
            key.Cancel = true;
            experiment.stop.Cancel();
        };
        try
        {
            experiment.Compare();
            return 0;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("stopped");
            return 130;
        }
    }

    private void Compare()
    {
        using var building = Construction.On(options.Device, options.Type);
        OutputFolder.RequireWritable(options.Out);
        if (options.Json is { } file)
        {
            OutputFolder.RequireWritableFile(file);
        }

        screen.Say(
            $"{task.Splits.Training.Count} images to train on, {task.Splits.Validation.Count} to validate, "
            + $"{Classes} classes.");
        if (task.Splits.Skipped is [var first, ..] skipped)
        {
            screen.Warn($"{skipped.Count} images are skipped, the first because of: {first.Message}");
        }

        var teachers = new List<(double, long)>();
        var results = new List<QuantizationResult>();
        foreach (var seed in options.Seeds)
        {
            var folder = Path.Combine(options.Out, $"seed{seed}");
            using var teacher = Teach(seed, folder);
            teachers.Add((Accuracy.Of(teacher, task.Splits.Validation, task.Evaluation, cancellation: stop.Token),
                new FileInfo(Path.Combine(folder, "teacher", "model.safetensors")).Length));

            results.Add(Student("lsq", new LsqViT(options.Image, Classes, options.Bits), "teacher",
                isAnnealing: false));
            results.Add(Student("statsq", new StatsQViT(options.Image, Classes, options.Bits), "teacher",
                isAnnealing: false));
            results.Add(Student("statsq+qkr", new QkrViT(options.Image, Classes, options.Bits), "teacher",
                isAnnealing: false));
            results.Add(Student("statsq+qkr+cga", new CgaViT(options.Image, Classes, options.Bits), "statsq+qkr",
                isAnnealing: true));

            QuantizationResult Student(string method, SmallViT model, string from, bool isAnnealing)
            {
                using (model)
                {
                    return Quantize(method, model, Path.Combine(folder, from), teacher, seed, folder, isAnnealing);
                }
            }
        }

        Finish(new(
            "Quantization compared",
            options.Bits,
            teachers,
            results,
            Configuration(),
            Repeating.Command("QuantizeVit")));
    }

    private void Finish(QuantizationReport report)
    {
        screen.Show(Results.Table(report));
        PngCanvas.Write(Path.Combine(options.Out, "oscillation.png"), report.Oscillation);
        PngCanvas.Write(Path.Combine(options.Out, "latent-weights.png"), report.Latent);
        report.Save(Path.Combine(options.Out, "report.html"));
        if (options.Json is { } path)
        {
            Results.WriteJson(path, report);
        }

        screen.Say($"The report, pictures, the exported models and the teacher are in {options.Out}.");
    }

    private IReadOnlyList<(string Name, string Value)> Configuration() =>
    [
        ("Images", options.Data is { } data ? $"{data} ({options.Format})" : "generated"),
        ("Bits", $"{options.Bits}"),
        ("Edge of images", $"{options.Image}"),
        ("Teacher's steps", $"{options.TeacherSteps}"),
        ("Steps", $"{options.Steps}"),
        ("Annealing steps", $"{options.AnnealingSteps}"),
        ("Batch", $"{options.Batch}"),
        ("Seeds", string.Join(", ", options.Seeds)),
        ("Device", options.Device.ToString()),
        ("Type", $"{options.Type}"),
    ];

    private SmallViT Teach(int seed, string folder)
    {
        manual_seed(seed);
        var model = new SmallViT(options.Image, Classes);
        var recipe = Recipe(seed, "teacher") with { Steps = options.TeacherSteps, LearningRate = 2e-3 };
        using var training = new ImageTraining(model, task.Splits.Training, task.Training, recipe);
        screen.Track("teacher", recipe.Steps, report =>
        {
            training.Run(progress => report(progress.Step, progress.Loss), stop.Token);
            return true;
        });
        ((IModel)model).SavePretrained(Path.Combine(folder, "teacher"));
        return model;
    }

    /// <summary>A student starts from the teacher's weights; an annealed one from what QKR has learned.</summary>
    private QuantizationResult Quantize(
        string method, SmallViT model, string from, SmallViT teacher, int seed, string folder, bool isAnnealing)
    {
        manual_seed(seed);
        ((IModel)model).LoadPretrained(from);
        var recipe = Recipe(seed, method);
        recipe = isAnnealing ? recipe with { Steps = 0, AnnealingSteps = options.AnnealingSteps } : recipe;
        var run = new QuantizationRun(model, task.Splits, task.Training, task.Evaluation);
        var result = screen.Track(method, recipe.Steps + recipe.AnnealingSteps, report => run.Run(
            method,
            recipe,
            Path.Combine(folder, $"{method}.safetensors"),
            teacher,
            isAnnealing ? options.Steps : 0,
            new Reporting(report),
            stop.Token));
        ((IModel)model).SavePretrained(Path.Combine(folder, method));
        return result;
    }

    private ImageTrainingOptions Recipe(int seed, string name) => new()
    {
        Steps = options.Steps,
        BatchSize = options.Batch,
        LearningRate = 1e-3,
        AnnealingRate = 2e-4,
        WarmUp = 20,
        Seed = (ulong)seed,
        Log = options.Log is null ? null : Path.Combine(options.Log, $"seed{seed}", name),
    };

    /// <summary>Steps as the screen shows them.</summary>
    private sealed class Reporting(Action<int, double> report) : IProgress<ImageTrainingProgress>
    {
        public void Report(ImageTrainingProgress value) => report(value.Step, value.Loss);
    }
}
