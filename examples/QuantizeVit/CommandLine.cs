using System.CommandLine;
using System.Globalization;

namespace Marrow.Examples.QuantizeVit;

/// <summary>The options of the program.</summary>
internal static class CommandLine
{
    /// <summary>The command that hands its options to <paramref name="run"/>.</summary>
    public static RootCommand Create(Func<Options, int> run)
    {
        var bits = Number("--bits", 2, 2, 8, "Bits of weights and activations.");
        var data = new Option<string?>("--data") { Description = "Folder of images; generated ones if not given." };
        var format = new Option<string>("--format")
        {
            Description = "What the folder holds.",
            DefaultValueFactory = _ => "imagefolder",
        };
        format.AcceptOnlyFromAmong("cifar10", "idx", "imagefolder");
        var skip = new Option<bool>("--skip-unreadable")
        {
            Description = "Leave out images that cannot be read, instead of stopping.",
        };
        var image = Number("--image", 32, 8, 512, "Edge of the model's input, a multiple of 4.");
        var teacherSteps = Number("--teacher-steps", 700, 1, int.MaxValue, "Training steps of the float teacher.");
        var steps = Number("--steps", 320, 1, int.MaxValue, "Training steps of each quantized model.");
        var annealing = Number("--annealing-steps", 80, 1, int.MaxValue, "Annealing steps of CGA, after those of QKR.");
        var batch = Number("--batch", 40, 2, 1 << 16, "Images in a step.");
        var seeds = new Option<int[]>("--seeds", "--seed")
        {
            Description = "One whole comparison for each.",
            DefaultValueFactory = _ => [1],
            AllowMultipleArgumentsPerToken = true,
        };
        var output = new Option<string>("--out")
        {
            Description = "Folder of what is kept.",
            DefaultValueFactory = _ => Path.Combine("runs", "quantize-vit"),
        };
        var (device, type) = (DeviceName.Option(), TypeName.Option());
        var json = new Option<string?>("--json") { Description = "File for the results." };
        var log = new Option<string?>("--log") { Description = "Folder for TensorBoard." };

        var command = new RootCommand(
            "Trains a vision transformer with weights and activations of a few bits in several ways, and compares "
            + "them.")
        {
            bits, data, format, skip, image, teacherSteps, steps, annealing, batch, seeds, output, json, log,
            device, type,
        };

        // A synchronous action: System.CommandLine would end an asynchronous one on Ctrl-C, and results with it.
        command.SetAction(parsed => run(new Options(
            parsed.GetValue(bits),
            parsed.GetValue(data),
            parsed.GetValue(format)!,
            parsed.GetValue(skip),
            parsed.GetValue(image),
            parsed.GetValue(teacherSteps),
            parsed.GetValue(steps),
            parsed.GetValue(annealing),
            parsed.GetValue(batch),
            parsed.GetValue(seeds)!,
            parsed.GetValue(output)!,
            parsed.GetValue(json),
            parsed.GetValue(log),
            DeviceName.Parse(parsed.GetValue(device)!),
            TypeName.Parse(parsed.GetValue(type)!))));
        return command;
    }

    private static Option<int> Number(string name, int standard, int least, int most, string description)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => standard };
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (int.TryParse(token.Value, CultureInfo.InvariantCulture, out var number)
                    && (number < least || number > most))
                {
                    var limit = most == int.MaxValue ? "" : $" and at most {most}";
                    result.AddError($"{name} must be at least {least}{limit}, not '{token.Value}'.");
                }
            }
        });
        return option;
    }
}
