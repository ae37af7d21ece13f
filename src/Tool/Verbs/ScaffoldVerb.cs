using System.CommandLine;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Scaffolding;
using Microsoft.CodeAnalysis.CSharp;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow scaffold</c>: the annotated class of a checkpoint, and of an adapter.</summary>
internal sealed class ScaffoldVerb : Verb
{
    private readonly Argument<string> path = new("path")
    {
        Description = "A folder of Hugging Face's with a language model, or an RWKV-6 as .pth or safetensors.",
    };

    private readonly Option<string?> adapter = new("--adapter")
    {
        Description = "A folder of PEFT's, whose adapter the class gets.",
    };

    private readonly AdapterOptions options = new();

    private readonly Option<string?> name = new("--name")
    {
        Description = "The class's name; the folder's if not given.",
    };

    private readonly Option<string?> space = new("--namespace") { Description = "The class's namespace." };

    private readonly Option<string?> output = new("--output", "-o")
    {
        Description = "The file to write; standard output if not given.",
    };

    private readonly Option<bool> force = new("--force") { Description = "Write over a file that is there." };

    public ScaffoldVerb()
        : base(
            "scaffold",
            "Writes the annotated class of a checkpoint, with its real sizes, and of an adapter.",
            "marrow scaffold ./SmolLM2-135M --method lora --rank 16 -o Model.cs",
            hasResult: false)
    {
        Add(path);
        Add(adapter);
        options.AddTo(this);
        Add(name);
        Add(space);
        Add(output);
        Add(force);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        var (folder, from, file) = (call.Get(path), call.Get(adapter), call.Get(output));
        if (from is not null && options.Name(call) is not null)
        {
            throw new ToolException("--adapter and --method both say what the adapters are; give one of them.");
        }

        if (call.Get(name) is { } own && !SyntaxFacts.IsValidIdentifier(own))
        {
            throw new ToolException($"--name '{own}' is no name of a class.");
        }

        if (call.Get(space) is { } full && !full.Split('.').All(SyntaxFacts.IsValidIdentifier))
        {
            throw new ToolException($"--namespace '{full}' is no name of a namespace.");
        }

        if (file is not null && Path.Exists(file) && !call.Get(force))
        {
            throw new ToolException($"{file}: it is there already; --force writes over it.");
        }

        var scaffolded = from is null ? Of(folder, call) : OfAdapter(folder, from, call);
        var text = scaffolded.ToText(call.Get(space));
        if (file is null)
        {
            call.Screen.Output.Write(text);
        }
        else
        {
            OutputFile.Write(file, text);
            call.Screen.Say($"{scaffolded.Name} is in {file}.");
        }
    }

    private ScaffoldedClass Of(string folder, Invocation call)
    {
        var attribute = options.Attribute(call);
        var method = attribute is null ? null : options.Name(call);
        return new(
            call.Get(name) ?? ScaffoldedClass.NameOf(folder, Suffix(method)),
            ModelBase.Of(folder),
            attribute is null ? [] : [attribute],
            [$"The model of {folder}{(method is null ? "" : $" with {method}")}."]);
    }

    private ScaffoldedClass OfAdapter(string folder, string from, Invocation call)
    {
        call.RequireTorch(); // which layers a file means is the loader's own answer
        var read = PeftAttributes.Read(folder, from);
        foreach (var unsaid in read.Unsaid)
        {
            call.Screen.Warn(unsaid);
        }

        return new(
            call.Get(name) ?? ScaffoldedClass.NameOf(folder, Suffix(Path.GetFileName(
                Path.TrimEndingDirectorySeparator(from)))),
            ModelBase.Of(folder),
            read.Attributes,
            [
                $"The model of {folder} with the adapter of {from}.",
                .. read.Unsaid.Select(text => $"Not said here: {text}"),
            ]);
    }

    private static string Suffix(string? method) => method is null
        ? ""
        : ScaffoldedClass.NameOf(method.Replace("+", "Plus", StringComparison.Ordinal), "");
}
