using System.Text;
using Marrow.Language;
using Marrow.Models;
using Marrow.Tokenizers;

namespace Marrow.Examples.Chat;

/// <summary>Questions in, answers out as they come to be.</summary>
internal sealed class ChatSession : IDisposable
{
    private readonly ICausalModel model;
    private readonly Tokenizer tokenizer;
    private readonly Dialogue dialogue;
    private readonly GenerationOptions options;

    private ChatSession(ICausalModel model, Tokenizer tokenizer, Dialogue dialogue, GenerationOptions options) =>
        (this.model, this.tokenizer, this.dialogue, this.options) =
            (model, tokenizer, dialogue, options with { Stops = dialogue.Ends });

    /// <summary>Loads base, adapter and tokenizer.</summary>
    /// <param name="path">The base.</param>
    /// <param name="adapter">The adapter's folder, if there is one.</param>
    /// <param name="template">How instructions are written; if null, as the model's own chat template has it.</param>
    /// <param name="options">How answers are made.</param>
    public static ChatSession Open(string path, string? adapter, PromptTemplate? template, GenerationOptions options)
    {
        var folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        var tokenizer = Tokenizer.Load(folder);
        var format = template is null ? ChatFormat.Find(folder) : null;
        return new(
            Load(path, adapter),
            tokenizer,
            format is null
                ? new Instructions(tokenizer, template ?? PromptTemplate.Plain)
                : new Conversing(tokenizer, format),
            options);
    }

    /// <summary>Answers line after line, until an empty one or the end.</summary>
    public void Run(TextReader questions, TextWriter answers)
    {
        for (answers.Write("> "); questions.ReadLine() is { Length: > 0 } question; answers.Write("> "))
        {
            Answer(question, answers);
        }
    }

    public void Dispose()
    {
        model.Dispose();
        tokenizer.Dispose();
    }

    private static ICausalModel Load(string path, string? adapter)
    {
        var model = CausalModel.Load(path);
        if (adapter is not null)
        {
            model.LoadAdapter(adapter);
            model.Merge();
        }

        model.Module.eval();
        return model;
    }

    private void Answer(string question, TextWriter answers)
    {
        using var stop = new CancellationTokenSource();
        ConsoleCancelEventHandler interrupt = (_, press) => (press.Cancel, _) = (true, Cancel(stop));
        Console.CancelKeyPress += interrupt;
        try
        {
            var (tokens, answer) = (
                Generation.Stream(model, [dialogue.Ask(question)], options, stop.Token), new StringBuilder());
            foreach (var piece in tokenizer.DecodeStream(tokens.Select(token => token.Id)))
            {
                answers.Write(piece);
                answer.Append(piece);
            }

            answers.WriteLine();
            dialogue.Answered(answer.ToString());
        }
        catch (ArgumentException fault)
        {
            answers.WriteLine(fault.Message); // a question longer than the context; the next may be shorter
        }
        finally
        {
            Console.CancelKeyPress -= interrupt;
        }
    }

    private static bool Cancel(CancellationTokenSource stop)
    {
        stop.Cancel();
        return true;
    }
}
