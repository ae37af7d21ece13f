using System.CommandLine;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Inspection;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow inspect</c>: what a checkpoint or an adapter holds, and whether Marrow loads it.</summary>
internal sealed class InspectVerb : Verb
{
    private readonly Argument<string> path = new("path")
    {
        Description = "A folder of Hugging Face's or PEFT's, or a .safetensors, .pth, .bin or .gguf file.",
    };

    private readonly Option<string?> model = new("--base")
    {
        Description = "The folder of the model that an adapter is compared with; the one that it names if not given.",
    };

    private readonly Option<bool> all = new("--all") { Description = "List every tensor, equal layers too." };

    public InspectVerb()
        : base(
            "inspect",
            "Shows what a checkpoint or an adapter holds, and whether Marrow loads it.",
            "marrow inspect ./SmolLM2-135M")
    {
        Add(path);
        Add(model);
        Add(all);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call) => call.Print(
        Inspector.Inspect(call.Get(path), call.Get(model), call.Screen, call.Stop),
        (found, screen) => InspectionText.Show(found, screen, call.Get(all)));
}
