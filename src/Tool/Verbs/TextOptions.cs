using System.CommandLine;
using Marrow.Language;
using Marrow.Tool.CommandLine;

namespace Marrow.Tool.Verbs;

/// <summary>The options of verbs that write texts for a model.</summary>
internal sealed class TextOptions
{
    private readonly Option<string?> template = Choice.Of(
        "--template",
        "How instructions are written; chat, the model's own chat template, if it has one, otherwise alpaca.",
        PromptTemplate.All.Keys.Prepend("chat").ToDictionary(name => name));

    private readonly Option<int?> context = Choice.Count(
        "--context", "The most tokens of a text; the model's own context, at most 2048, if not given.");

    private const int UsualContext = 2048;

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(template);
        verb.Add(context);
    }

    /// <summary>The template; null: the model's chat template, or Alpaca's.</summary>
    /// <exception cref="ToolException">A chat template is asked for, and the model has none.</exception>
    public PromptTemplate? Template(Invocation call, BaseModel from) => call.Get(template) switch
    {
        null => null,
        "chat" => from.Chat is not null ? null : throw new ToolException(
            $"{from.Path} has no chat template; choose a --template among "
            + $"{string.Join(", ", PromptTemplate.All.Keys)}."),
        var name => PromptTemplate.All[name],
    };

    /// <summary>The most tokens of a text.</summary>
    /// <exception cref="ToolException">The model holds fewer, or one token predicts nothing.</exception>
    public int Context(Invocation call, BaseModel from) => call.Get(context) switch
    {
        null => Math.Min(from.Context ?? UsualContext, UsualContext),
        1 => throw new ToolException("--context 1 leaves nothing to predict; give at least 2."),
        var own when own > from.Context => throw new ToolException(
            $"--context {own} is more than the {from.Context} tokens that {from.Path} was made for."),
        var own => own.Value,
    };
}
