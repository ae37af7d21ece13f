using System.CommandLine;
using System.Text;
using Marrow.Language;
using Marrow.Models;
using Marrow.Tool.CommandLine;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow chat</c>: questions in, answers out as they come to be.</summary>
internal sealed class ChatVerb : Verb
{
    private readonly ModelOptions model = new();

    private readonly Option<string?> template = Choice.Of(
        "--template",
        "How questions are written; the model's own chat template, if it has one, otherwise plain.",
        PromptTemplate.All.Keys.ToDictionary(name => name));

    private readonly Option<string?> prompt = new("--prompt")
    {
        Description = "Answer this alone, instead of lines of standard input.",
        HelpName = "text",
    };

    private readonly Option<int?> tokens = Choice.Count(
        "--max-tokens", "The most tokens of an answer; 256 if not given.");

    private readonly Option<double?> temperature = Choice.Number(
        "--temperature", "0, the likeliest token, if not given.", value => value >= 0, "0 or more");

    private readonly Option<double?> topP = Choice.Number(
        "--top-p",
        "Sample among the likeliest tokens of this probability; 1, all, if not given.",
        value => value is > 0 and <= 1,
        "above 0 and at most 1");

    private readonly Option<int?> seed = Choice.Count("--seed", "Decides what is sampled; 1 if not given.");

    public ChatVerb()
        : base(
            "chat",
            "Talks with a model, with an adapter if one is named. An empty line or Ctrl-C ends it.",
            "marrow chat ./SmolLM2-135M-Instruct --adapter runs/math/adapter --temperature 0.7",
            hasResult: false)
    {
        model.AddTo(this);
        foreach (var option in (Option[])[template, prompt, tokens, temperature, topP, seed])
        {
            Add(option);
        }
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        using var from = model.Open(call);
        var dialogue = Dialogue.Of(from, call.Get(template) is { } name ? PromptTemplate.All[name] : null);
        using var loaded = model.Load(call, from);
        loaded.Merge();
        var options = new GenerationOptions(
            call.Get(tokens) ?? 256,
            dialogue.Ends,
            call.Get(temperature) ?? 0,
            TopP: call.Get(topP) ?? 1,
            Seed: (ulong)(call.Get(seed) ?? 1));
        if (call.Get(prompt) is { } question)
        {
            Answer(question, loaded, from, dialogue, options, call);
            return;
        }

        var output = call.Screen.Output;
        for (output.Write("> "); Console.In.ReadLine() is { Length: > 0 } line; output.Write("> "))
        {
            Answer(line, loaded, from, dialogue, options, call);
            call.Stop.ThrowIfCancellationRequested();
        }
    }

    private static void Answer(
        string question,
        ICausalModel loaded,
        BaseModel from,
        Dialogue dialogue,
        GenerationOptions options,
        Invocation call)
    {
        var prompt = dialogue.Ask(question);
        if (prompt.Length >= loaded.Context)
        {
            throw new ToolException(
                $"With the {prompt.Length} tokens of what was said there is no room for an answer in the model's "
                + $"context of {loaded.Context}; start anew, or ask less.");
        }

        var (output, answer) = (call.Screen.Output, new StringBuilder());
        var ids = Models.Generation.Stream(loaded, [prompt], options, call.Stop).Select(token => token.Id);
        foreach (var piece in from.Tokenizer.DecodeStream(ids))
        {
            output.Write(piece);
            output.Flush();
            answer.Append(piece);
        }

        output.WriteLine();
        dialogue.Answered(answer.ToString());
    }
}
