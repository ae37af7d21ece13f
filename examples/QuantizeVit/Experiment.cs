using Marrow.Vision;
using static TorchSharp.torch;

namespace Marrow.Examples.QuantizeVit;

/// <summary>The comparison: a teacher, then one quantized student after another.</summary>
internal sealed class Experiment
{
    private const int OscillationSamples = 40;
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

        var teachers = new Dictionary<int, (double, long)>();
        var results = new List<MethodResult>();
        foreach (var seed in options.Seeds)
        {
            var folder = Path.Combine(options.Out, $"seed{seed}");
            using var teacher = Teach(seed, folder);
            teachers.Add(seed, (Accuracy.Of(teacher, task.Splits.Validation, task.Evaluation, cancellation: stop.Token),
                new FileInfo(Path.Combine(folder, "teacher", "model.safetensors")).Length));

            results.Add(Student("lsq", new LsqViT(options.Image, Classes, options.Bits), "teacher",
                isAnnealing: false));
            results.Add(Student("statsq", new StatsQViT(options.Image, Classes, options.Bits), "teacher",
                isAnnealing: false));
            results.Add(Student("statsq+qkr", new QkrViT(options.Image, Classes, options.Bits), "teacher",
                isAnnealing: false));
            results.Add(Student("statsq+qkr+cga", new CgaViT(options.Image, Classes, options.Bits), "statsq+qkr",
                isAnnealing: true));

            MethodResult Student(string method, SmallViT model, string from, bool isAnnealing)
            {
                using (model)
                {
                    return Quantize(method, model, Path.Combine(folder, from), teacher, seed, folder, isAnnealing);
                }
            }
        }

        var all = new Results(options.Bits, teachers, results);
        screen.Show(all.Table());
        new QuantizationReport(all, options).Save();
        if (options.Json is { } path)
        {
            all.WriteJson(path);
        }

        screen.Say($"The report, pictures, the exported models and the teacher are in {options.Out}.");
    }

    private SmallViT Teach(int seed, string folder)
    {
        manual_seed(seed);
        var model = new SmallViT(options.Image, Classes);
        var recipe = Recipe(seed, "teacher") with { Steps = options.TeacherSteps, LearningRate = 2e-3 };
        Train(model, recipe, teacher: null, "teacher", (_, _) => { });
        ((IModel)model).SavePretrained(Path.Combine(folder, "teacher"));
        return model;
    }

    /// <summary>A student starts from the teacher's weights; an annealed one from what QKR has learned.</summary>
    private MethodResult Quantize(
        string method, SmallViT model, string from, SmallViT teacher, int seed, string folder, bool isAnnealing)
    {
        manual_seed(seed);
        ((IModel)model).LoadPretrained(from);
        var recipe = Recipe(seed, method);
        recipe = isAnnealing ? recipe with { Steps = 0, AnnealingSteps = options.AnnealingSteps } : recipe;
        var (times, losses) = (new List<double>(), new List<(double, double)>());
        var (shares, frozen) = (new List<(int, double)>(), 0.0);
        var before = isAnnealing ? options.Steps : 0;
        using var training = Train(model, recipe, teacher, method, (training, progress) =>
        {
            times.Add(progress.Milliseconds);
            losses.Add((progress.Step + before, progress.Loss));
            frozen = progress.Frozen;
            if (progress.Step % Math.Max(1, progress.Steps / OscillationSamples) == 0)
            {
                shares.Add((progress.Step + before, training.Oscillations!.Overall().Oscillating));
            }
        });

        ((IModel)model).SavePretrained(Path.Combine(folder, method));
        var exported = Path.Combine(folder, $"{method}.safetensors");
        ((IModel)model).Export(exported);
        return new(
            method,
            seed,
            Accuracy.Of(model, task.Splits.Validation, task.Evaluation, cancellation: stop.Token),
            training.Oscillations!.Overall(),
            frozen,
            times.Order().ElementAt(times.Count / 2),
            new FileInfo(exported).Length,
            losses,
            shares,
            Latent(model));
    }

    /// <summary>The weights of the layers that have the method's bits, over the grid of levels.</summary>
    private (double Start, long[] Counts) Latent(SmallViT model)
    {
        var histograms = ((IModel)model).QuantizedWeights()
            .Where(weight => weight.Settings.Bits == options.Bits
                && weight.Name.StartsWith("blocks", StringComparison.Ordinal))
            .Select(weight => weight.LatentHistogram())
            .ToList();
        return (histograms[0].Start, [.. Enumerable.Range(0, histograms[0].Counts.Length).Select(bin =>
            histograms.Sum(histogram => histogram.Counts[bin]))]);
    }

    private ImageTraining Train(
        SmallViT model, ImageTrainingOptions recipe, SmallViT? teacher, string name,
            Action<ImageTraining, ImageTrainingProgress> report)
    {
        var training = new ImageTraining(model, task.Splits.Training, task.Training, recipe, teacher);
        screen.Track(name, recipe.Steps + recipe.AnnealingSteps, show =>
        {
            training.Run(
                progress =>
                {
                    report(training, progress);
                    show(progress.Step, progress.Loss);
                },
                stop.Token);
            return true;
        });
        return training;
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
}
