using System.CommandLine;
using System.Globalization;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>The options of the program.</summary>
internal static class CommandLine
{
    /// <summary>The command that hands its options to <paramref name="run"/>.</summary>
    public static RootCommand Create(Func<Options, int> run)
    {
        var from = Text("--base", "Folder of a Hugging Face LLaMA to fine-tune; without it a small one is pretrained.");
        var data = Text("--data", "Problems as JSON lines: question and answer (GSM8K) or query and response (MetaMathQA); generated if not given.");
        var methods = Methods();
        var steps = Count("--steps", 280, "Fine-tuning steps of each method.");
        var pretrainSteps = Count("--pretrain-steps", 800, "Pretraining steps of the small base.");
        var batch = Count("--batch", 32, "Problems in a step.");
        var rate = Rate();
        var block = Count("--block-size", 16, "Block size of Bone; LoRA gets the rank with about as many parameters.");
        var test = Count("--test", 200, "The most held-out problems to solve.");
        var seed = new Option<int>("--seed") { Description = "Decides data, their order, and starting values.", DefaultValueFactory = _ => 1 };
        var output = new Option<string>("--out") { Description = "Folder of what is kept.", DefaultValueFactory = _ => Path.Combine("runs", "finetune") };
        var json = Text("--json", "File for the results.");
        var device = new Option<string>("--device") { Description = "Where to train.", DefaultValueFactory = _ => "cpu" };
        device.AcceptOnlyFromAmong("cpu", "cuda");

        var command = new RootCommand("Fine-tunes a small LLaMA with Bone, LoRA and in full on the same problems, and compares them.")
        {
            from, data, methods, steps, pretrainSteps, batch, rate, block, test, seed, output, json, device,
        };

        // A synchronous action: System.CommandLine would end an asynchronous one on Ctrl-C, and results with it.
        command.SetAction(parsed => run(new Options(
            parsed.GetValue(from),
            parsed.GetValue(data),
            [.. Chosen(parsed.GetValue(methods)!).Select(chosen => chosen.Method!)],
            parsed.GetValue(steps),
            parsed.GetValue(pretrainSteps),
            parsed.GetValue(batch),
            parsed.GetValue(rate),
            parsed.GetValue(block),
            parsed.GetValue(test),
            parsed.GetValue(seed),
            parsed.GetValue(output)!,
            parsed.GetValue(json),
            Device(parsed.GetValue(device)!))));
        return command;
    }

    private static Option<string?> Text(string name, string description) => new(name) { Description = description };

    private static Option<int> Count(string name, int standard, string description)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => standard };
        Require(option, text => !int.TryParse(text, CultureInfo.InvariantCulture, out var number) || number >= 1, "must be at least 1");
        return option;
    }

    private static Option<double?> Rate()
    {
        var option = new Option<double?>("--learning-rate") { Description = "Peak learning rate of every method; each has its own if not given." };
        Require(option, text => !double.TryParse(text, CultureInfo.InvariantCulture, out var rate) || rate is > 0 and <= 1, "must be above 0 and at most 1");
        return option;
    }

    private static Option<string> Methods()
    {
        var option = new Option<string>("--methods")
        {
            Description = $"What to compare, separated by commas: {Names(Method.All)}.",
            DefaultValueFactory = _ => string.Join(',', Method.All.Where(method => method.Name != "bone-column").Select(method => method.Name)),
        };
        Require(option, text => Chosen(text).All(chosen => chosen.Method is not null), $"knows only {Names(Method.All)}");
        Require(option, text => Chosen(text).Any(), $"needs at least one of {Names(Method.All)}");
        return option;
    }

    private static IEnumerable<(string Name, Method? Method)> Chosen(string methods) => methods
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Distinct()
        .Select(name => (name, Method.All.FirstOrDefault(method => method.Name == name)));

    /// <summary>Adds a rule. Text that is not of the option's type at all is left to the library's own message.</summary>
    private static void Require(Option option, Func<string, bool> rule, string message) => option.Validators.Add(result =>
    {
        foreach (var token in result.Tokens.Where(token => !rule(token.Value)))
        {
            result.AddError($"{option.Name} {message}, not '{token.Value}'.");
        }
    });

    private static string Names(IEnumerable<Method> methods) => string.Join(", ", methods.Select(method => method.Name));

    private static Device Device(string name) => name == "cpu" ? CPU
        : cuda.is_available() ? CUDA
        : throw new UserException("No CUDA device can be used; build with -p:Torch=cuda on a machine that has one, or train with --device cpu.");
}
