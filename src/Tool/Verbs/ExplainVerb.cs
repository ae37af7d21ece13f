using System.CommandLine;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Explanation;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow explain</c>: what the generator emits for a class, with its plan and cost.</summary>
internal sealed class ExplainVerb : Verb
{
    private readonly Argument<string> target = new("file or class")
    {
        Description = "A .cs file, all of whose model classes are explained, or the name of a class in the project.",
        HelpName = "file or class",
    };

    private readonly Option<string?> project = new("--project")
    {
        Description = "The folder whose files belong together; the nearest with a .csproj if not given.",
    };

    private readonly Option<string?> html = new("--html") { Description = "Write one self-contained HTML page too." };

    public ExplainVerb()
        : base(
            "explain",
            "Shows what the generator emits for a model class, with its layers and what they cost.",
            "marrow explain Model.cs --html model.html")
    {
        Add(target);
        Add(project);
        Add(html);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        var models = ModelFinder.Find(call.Get(target), call.Get(project), call.Stop);
        if (call.Get(html) is { } page)
        {
            OutputFile.Write(page, ExplanationPage.Of(models));
            call.Screen.Say($"The page is in {page}.");
        }

        if (call.Get(html) is null || call.IsJson)
        {
            call.Print(models, ExplanationText.Show);
        }
    }
}
