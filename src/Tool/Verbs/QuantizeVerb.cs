using System.CommandLine;
using System.Globalization;
using Marrow.Models;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Quantization;
using Marrow.Tool.Terminal;
using Marrow.Vision;
using Spectre.Console;
using static TorchSharp.torch;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow quantize</c>: a vision model with weights and activations of a few bits, by training.</summary>
internal sealed class QuantizeVerb : Verb
{
    private static readonly Dictionary<string, Func<string, ImageSplits>> Formats = new()
    {
        ["imagefolder"] = folder => ImageSplits.Folders(folder),
        ["cifar10"] = ImageSplits.Cifar10,
        ["idx"] = ImageSplits.Idx,
    };

    private readonly Argument<string> path = new("model")
    {
        Description = "A folder of Hugging Face's or timm's with a ViT, a DeiT or a Swin.",
    };

    private readonly Option<string> data = new("--data")
    {
        Description = "Folder of images to train on and to validate by.",
        HelpName = "folder",
        Required = true,
    };

    private readonly Option<string?> format = Choice.Of(
        "--format", "What the folder holds; imagefolder if not given.", Formats.Keys.ToDictionary(name => name));

    private readonly Option<string?> method = Choice.Of(
        "--method",
        "How it is quantized; statsq+qkr+cga if not given.",
        QuantizationMethod.All.Keys.ToDictionary(name => name));

    private readonly Option<int?> bits = Choice.Count("--bits", "Bits of weights, 2 to 8; 4 if not given.");

    private readonly Option<int?> activations = Choice.Count(
        "--activations", "Bits of activations, 2 to 8; those of weights if not given.");

    private readonly Option<int?> steps = Choice.Count("--steps", "Training steps; 1000 if not given.");

    private readonly Option<int?> annealing = Choice.Count(
        "--annealing-steps", "Steps of CGA after them; a fifth of them if not given.");

    private readonly Option<int?> batch = Choice.Count("--batch", "Images in a step; 64 if not given.");

    private readonly Option<double?> rate = Choice.Number(
        "--learning-rate",
        "The highest rate; 5e-4 if not given.",
        value => value is > 0 and <= 1,
        "above 0 and at most 1");

    private readonly Option<int?> seed = Choice.Count("--seed", "Decides the order of images; 1 if not given.");

    private readonly Option<string?> log = new("--log") { Description = "Folder for TensorBoard's event files." };

    private readonly Option<bool> newHead = new("--new-head")
    {
        Description = "Train a new head, for other classes than the checkpoint's.",
    };

    private readonly Option<bool> resume = new("--resume")
    {
        Description = "Go on from the checkpoint of a run with the same options that was stopped.",
    };

    private readonly ComputeOptions compute = new();

    private readonly OutputOptions output = new(
        "Folder for the models and the report.", System.IO.Path.Combine("runs", "quantize"));

    public QuantizeVerb()
        : base(
            "quantize",
            "Quantizes a vision model to a few bits by training, and exports packed integers, ONNX and a report.",
            "marrow quantize ./deit-tiny-distilled --data ./imagenet --bits 2 --method statsq+qkr+cga --out runs/deit2")
    {
        Add(path);
        foreach (var option in (Option[])
            [data, format, method, bits, activations, steps, annealing, batch, rate, seed, newHead, resume, log])
        {
            Add(option);
        }

        compute.AddTo(this);
        output.AddTo(this);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        var name = call.Get(method) ?? "statsq+qkr+cga";
        var (weightBits, activationBits) = (Bits(call, bits, 4), Bits(call, activations, call.Get(bits) ?? 4));
        if (call.Has(annealing) && !QuantizationMethod.Anneals(name))
        {
            throw new ToolException($"--annealing-steps means nothing to the method {name}; leave it out.");
        }

        var from = call.Get(path);
        if (!Directory.Exists(from))
        {
            throw new ToolException($"{from}: there is no such folder; name one of Hugging Face's or timm's.");
        }

        var architecture = VisionArchitecture.Find(from) ?? throw new ToolException(
            $"{from}: its config.json is of no vision model that Marrow has (ViT, DeiT, Swin).");
        if (!Directory.Exists(call.Get(data)))
        {
            throw new ToolException($"{call.Get(data)}: it is no folder; name the one that holds the images.");
        }

        var images = Formats[call.Get(format) ?? "imagefolder"](call.Get(data)!);
        if (call.Get(newHead))
        {
            architecture = architecture with
            {
                Arguments =
                [
                    .. architecture.Arguments.Select(argument => argument.Name == "classes"
                        ? ("classes", images.Training.Classes.Count) : argument),
                ],
            };
        }

        RequireClasses(architecture, images);
        var folder = call.Get(resume) ? output.Path(call) : output.Folder(call);
        if (call.Get(resume) && !File.Exists(Checkpoint(folder)))
        {
            throw new ToolException(
                $"{folder}: it has no checkpoint to resume from; leave --resume out to start there.");
        }

        call.RequireTorch();
        using var building = Construction.On(compute.Device(call), compute.Type(call));
        manual_seed(call.Get(seed) ?? 1);
        using var teacher = (nn.Module<Tensor, Tensor>)architecture.Create();
        using var model = (nn.Module<Tensor, Tensor>)(architecture with
        {
            Type = QuantizationMethod.All[name][architecture.Type],
            Arguments = [.. architecture.Arguments, ("bits", weightBits), ("activations", activationBits)],
        }).Create();
        call.Screen.Wait("Loading the weights", () =>
        {
            ((IModel)teacher).LoadPretrained(from, newHead: call.Get(newHead));
            ((IModel)model).LoadPretrained(from, newHead: call.Get(newHead));
            return true;
        });
        Quantize(call, name, weightBits, architecture, model, call.Get(newHead) ? null : teacher, images, folder);
    }

    private void Quantize(
        Invocation call,
        string name,
        int weightBits,
        VisionArchitecture architecture,
        nn.Module<Tensor, Tensor> model,
        nn.Module<Tensor, Tensor>? teacher,
        ImageSplits images,
        string folder)
    {
        var image = Argument(architecture, "image");
        var evaluation = new EvaluationTransform(image, Normalization.ImageNet);
        var count = call.Get(steps) ?? 1000;
        var recipe = new ImageTrainingOptions
        {
            Steps = count,
            AnnealingSteps = QuantizationMethod.Anneals(name) ? call.Get(annealing) ?? Math.Max(1, count / 5) : 0,
            BatchSize = call.Get(batch) ?? 64,
            LearningRate = call.Get(rate) ?? 5e-4,
            Seed = (ulong)(call.Get(seed) ?? 1),
            Checkpoint = Checkpoint(folder),
            CheckpointEvery = 100,
            Log = call.Get(log),
        };
        var before = teacher is null ? 0 : call.Screen.Wait("Measuring the float model", () => Accuracy.Of(
            teacher, images.Validation, evaluation, cancellation: call.Stop));
        var run = new QuantizationRun(
            model, images, new TrainingTransform(image, Normalization.ImageNet), evaluation);
        var result = Train(call, name, recipe, run, teacher, folder);
        ((IModel)model).SavePretrained(Path.Combine(folder, "model"));
        ((IModel)model).SaveOnnx(Path.Combine(folder, "model.onnx"));
        var report = new QuantizationReport(
            $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(call.Get(path)))} in {weightBits} bits",
            weightBits,
            [(before, model.parameters().Sum(parameter => parameter.numel() * parameter.element_size()))],
            [result],
            [
                ("Model", call.Get(path)), ("Method", name), ("Bits", $"{weightBits}"), ("Images", call.Get(data)!),
                ("Steps", $"{recipe.Steps} and {recipe.AnnealingSteps} of annealing"), ("Batch", $"{recipe.BatchSize}"),
                ("Learning rate", recipe.LearningRate.ToString(CultureInfo.InvariantCulture)),
            ],
            call.Line.Replace(" --resume", "", StringComparison.Ordinal))
        {
            Device = compute.Device(call),
        };
        report.Save(Path.Combine(folder, "report.html"));
        File.Delete(Checkpoint(folder));
        call.Print(
            new
            {
                Method = name,
                Bits = weightBits,
                result.Top1,
                FloatTop1 = before,
                result.ModelBytes,
                Folder = folder,
            },
            (_, screen) => Show(report, folder, screen));
    }

    private QuantizationResult Train(
        Invocation call,
        string name,
        ImageTrainingOptions recipe,
        QuantizationRun run,
        nn.Module<Tensor, Tensor>? teacher,
        string folder)
    {
        try
        {
            return call.Screen.Track(name, recipe.Steps + recipe.AnnealingSteps, report => run.Run(
                name,
                recipe,
                Path.Combine(folder, "packed.safetensors"),
                teacher,
                progress: new Reporting(report),
                stop: call.Stop));
        }
        catch (OperationCanceledException)
        {
            call.Screen.Warn($"stopped; go on with: {call.Line}" + (call.Get(resume) ? "" : " --resume"));
            throw;
        }
    }

    private static string Checkpoint(string folder) => Path.Combine(folder, "checkpoint.safetensors");

    private static void Show(QuantizationReport report, string folder, Screen screen)
    {
        var table = Screen.Table(QuantizationReport.Columns.Select((title, index) => (title, index > 0)));
        report.Rows.ToList().ForEach(row => table.AddRow(row));
        screen.Show(table);
        screen.Facts(
            ("model", Path.Combine(folder, "model")),
            ("packed integers", Path.Combine(folder, "packed.safetensors")),
            ("ONNX", Path.Combine(folder, "model.onnx")),
            ("report", Path.Combine(folder, "report.html")));
    }

    private static void RequireClasses(VisionArchitecture architecture, ImageSplits images)
    {
        var (classes, found) = (Argument(architecture, "classes"), images.Training.Classes.Count);
        if (found > classes)
        {
            throw new ToolException(
                $"The images have {found} classes and the model {classes}; --new-head trains a head for them.");
        }
    }

    private static int Argument(VisionArchitecture architecture, string name) =>
        (int)architecture.Arguments.First(argument => argument.Name == name).Value;

    private static int Bits(Invocation call, Option<int?> option, int standard) => call.Get(option) switch
    {
        null => standard,
        < 2 or > 8 => throw new ToolException($"{option.Name} must be 2 to 8, not {call.Get(option)}."),
        var given => given.Value,
    };

    /// <summary>Steps as the screen shows them.</summary>
    private sealed class Reporting(Action<int, string> report) : IProgress<ImageTrainingProgress>
    {
        public void Report(ImageTrainingProgress value) => report(
            value.Step, string.Create(CultureInfo.InvariantCulture, $"loss {value.Loss:F3}"));
    }
}
