using System.CommandLine;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Planning;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow plan</c>: parameters and memory of a model before anything is loaded.</summary>
internal sealed class PlanVerb : Verb
{
    private readonly Argument<string> path = new("path")
    {
        Description = "A folder of Hugging Face's with a language model, or an RWKV-6 as .pth or safetensors.",
    };

    private readonly AdapterOptions options = new();

    private readonly Option<int?> batch = Choice.Count("--batch", "Sequences at once; 1 if not given.");

    private readonly Option<int?> length = Choice.Count(
        "--length", "Tokens of a sequence; the model's context, at most 1024, if not given.");

    private readonly Option<string?> type = Choice.Of(
        "--type",
        "The type of the weights; float32 if not given.",
        MemoryPlanner.Types.Keys.ToDictionary(name => name));

    public PlanVerb()
        : base(
            "plan",
            "Says how many parameters train, and how much memory training and decoding take.",
            "marrow plan ./SmolLM2-135M --method lora --rank 16 --batch 8 --length 512")
    {
        Add(path);
        options.AddTo(this);
        Add(batch);
        Add(length);
        Add(type);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call) => call.Print(
        MemoryPlanner.Plan(
            call.Get(path),
            options.Name(call) ?? "full",
            options.Attribute(call) is { } attribute ? [attribute] : [],
            call.Get(type) ?? "float32",
            call.Get(batch) ?? 1,
            call.Get(length),
            call.Stop),
        MemoryText.Show);
}
