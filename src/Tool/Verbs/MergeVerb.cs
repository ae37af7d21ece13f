using Marrow.Tool.CommandLine;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow merge</c>: a model with an adapter in its weights, as a folder that loads anywhere.</summary>
internal sealed class MergeVerb : Verb
{
    private readonly ModelOptions model = new();
    private readonly OutputOptions output = new("Folder for the merged model.");

    public MergeVerb()
        : base(
            "merge",
            "Merges a PEFT adapter into a model's weights, and saves the model with its tokenizer.",
            "marrow merge ./SmolLM2-135M --adapter runs/math/adapter --out ./SmolLM2-math")
    {
        model.AddTo(this);
        output.AddTo(this);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        if (model.Adapter(call) is null)
        {
            throw new ToolException("merge needs --adapter, the folder of the adapter that is merged.");
        }

        using var from = model.Open(call);
        var folder = output.Folder(call);
        using var loaded = model.Load(call, from);
        call.Stop.ThrowIfCancellationRequested();
        call.Screen.Wait("Merging and saving", () =>
        {
            from.Save(loaded, folder);
            return true;
        });
        call.Print(
            new { Model = folder, Parameters = from.Parameters },
            (result, screen) => screen.Say($"The merged model is in {result.Model}."));
    }
}
