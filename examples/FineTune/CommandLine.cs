using System.CommandLine;
using System.Globalization;
using Marrow.Language;

namespace Marrow.Examples.FineTune;

/// <summary>The options of the program.</summary>
internal static class CommandLine
{
    /// <summary>The command that hands its options to <paramref name="run"/>.</summary>
    public static RootCommand Create(Func<Options, int> run)
    {
        var model = new Option<string>("--model")
        {
            Description = "The architecture of the small base.",
            DefaultValueFactory = _ => "llama",
        };
        model.AcceptOnlyFromAmong("llama", "rwkv6");
        var from = Text(
            "--base",
            "Base to fine-tune: folder of a Hugging Face model (LLaMA, Mistral, Qwen, Gemma, Phi-3, GPT-2), or an "
            + "RWKV-6 (.pth or safetensors) with its tokenizer beside it; without it a small one is pretrained.");
        var data = Text(
            "--data",
            "Problems as JSON, JSON lines or Parquet with the fields of MetaMathQA, GSM8K, MATH or Alpaca; generated "
            + "if not given.");
        var template = new Option<string>("--template")
        {
            Description = "How problems are written.",
            DefaultValueFactory = _ => "plain",
        };
        template.AcceptOnlyFromAmong([.. PromptTemplate.All.Keys]);
        var pretrainData = Text(
            "--pretrain-data", "Text to pretrain the small base on; generated problems of one step if not given.");
        var context = new Option<int?>("--context")
        {
            Description = "Longest sequence; the base's own if not given, 128 for the small one.",
        };
        Require(
            context,
            text => !int.TryParse(text, CultureInfo.InvariantCulture, out var number) || number >= 2,
            "must be at least 2");
        var methods = Methods();
        var steps = Count("--steps", 200, "Fine-tuning steps of each method.");
        var pretrainSteps = Count("--pretrain-steps", 800, "Pretraining steps of the small base.");
        var batch = Count("--batch", 16, "Problems in a step.");
        var rate = Rate();
        var block = Count(
            "--block-size", 16, "Block size of Bone; the others get the rank with about as many parameters.");
        var test = Count("--test", 200, "The most held-out problems to solve.");
        var seeds = new Option<int[]>("--seeds", "--seed")
        {
            Description =
                "Each decides starting values and the order of problems; the first also the data and the base.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1],
        };
        var output = new Option<string>("--out")
        {
            Description = "Folder of what is kept.",
            DefaultValueFactory = _ => Path.Combine("runs", "finetune"),
        };
        var json = Text("--json", "File for the results.");
        var (device, type) = (DeviceName.Option(), TypeName.Option());

        var command = new RootCommand(
            "Fine-tunes a language model with Bone, LoRA and its kin, and in full, on the same problems, and compares "
            + "them.")
        {
            model, from, data, template, pretrainData, context, methods, steps, pretrainSteps, batch, rate, block, test,
            seeds, output, json, device, type,
        };

        // A synchronous action: System.CommandLine would end an asynchronous one on Ctrl-C, and results with it.
        command.SetAction(parsed => run(new Options(
            parsed.GetValue(model)!,
            parsed.GetValue(from),
            PromptTemplate.All[parsed.GetValue(template)!],
            parsed.GetValue(data),
            parsed.GetValue(pretrainData),
            parsed.GetValue(context),
            [.. Chosen(parsed.GetValue(methods)!).Select(chosen => chosen.Method!)],
            parsed.GetValue(steps),
            parsed.GetValue(pretrainSteps),
            parsed.GetValue(batch),
            parsed.GetValue(rate),
            parsed.GetValue(block),
            parsed.GetValue(test),
            parsed.GetValue(seeds)!,
            parsed.GetValue(output)!,
            parsed.GetValue(json),
            DeviceName.Parse(parsed.GetValue(device)!),
            TypeName.Parse(parsed.GetValue(type)!))));
        return command;
    }

    private static Option<string?> Text(string name, string description) => new(name) { Description = description };

    private static Option<int> Count(string name, int standard, string description)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => standard };
        Require(
            option,
            text => !int.TryParse(text, CultureInfo.InvariantCulture, out var number) || number >= 1,
            "must be at least 1");
        return option;
    }

    private static Option<double?> Rate()
    {
        var option = new Option<double?>("--learning-rate")
        {
            Description = "Peak learning rate of every method; each has its own if not given.",
        };
        Require(
            option,
            text => !double.TryParse(text, CultureInfo.InvariantCulture, out var rate) || rate is > 0 and <= 1,
            "must be above 0 and at most 1");
        return option;
    }

    private static Option<string> Methods()
    {
        var option = new Option<string>("--methods")
        {
            Description = $"What to compare, separated by commas: {Names(FineTuningMethod.All)}.",
            DefaultValueFactory = _ => string.Join(',', FineTuningMethod.All.Select(method => method.Name)),
        };
        Require(
            option,
            text => Chosen(text).All(chosen => chosen.Method is not null),
            $"knows only {Names(FineTuningMethod.All)}");
        Require(option, text => Chosen(text).Any(), $"needs at least one of {Names(FineTuningMethod.All)}");
        return option;
    }

    private static IEnumerable<(string Name, FineTuningMethod? Method)> Chosen(string methods) => methods
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Select(name => (Name: name, Method: FineTuningMethod.ByName.GetValueOrDefault(name)))
        .DistinctBy(chosen => chosen.Method?.Name ?? chosen.Name);

    /// <summary>
    /// Adds a rule. Text that is not of the option's type at all is left to the library's own message.
    /// </summary>
    private static void Require(Option option, Func<string, bool> rule, string message) =>
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !rule(token.Value)))
            {
                result.AddError($"{option.Name} {message}, not '{token.Value}'.");
            }
        });

    private static string Names(IEnumerable<FineTuningMethod> methods) =>
        string.Join(", ", methods.Select(method => method.Name));
}
