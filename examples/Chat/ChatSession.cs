using System.Diagnostics;
using System.Text;
using Marrow.Language;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Examples.Chat;

/// <summary>Questions in, answers out as they come to be.</summary>
internal sealed class ChatSession : IDisposable
{
    private readonly IReadOnlyList<Voice> voices;
    private readonly BaseModel from;
    private readonly Dialogue dialogue;
    private readonly GenerationOptions options;

    private ChatSession(
        IReadOnlyList<Voice> voices, BaseModel from, Dialogue dialogue, GenerationOptions options) =>
        (this.voices, this.from, this.dialogue, this.options) =
            (voices, from, dialogue, options with { Stops = dialogue.Ends });

    /// <summary>Loads base, adapter and tokenizer.</summary>
    /// <param name="path">The base.</param>
    /// <param name="adapter">The adapter's folder, if there is one.</param>
    /// <param name="gguf">The model as a GGUF file, from which llama.cpp answers too; null: it does not.</param>
    /// <param name="template">How instructions are written; if null, as the model's own chat template has it.</param>
    /// <param name="options">How answers are made.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="type">The type of the weights.</param>
    public static ChatSession Open(
        string path,
        string? adapter,
        string? gguf,
        PromptTemplate? template,
        GenerationOptions options,
        Device device,
        ScalarType type)
    {
        var from = BaseModel.Open(path);
        return new(Voices(Load(from, adapter, device, type), gguf), from, Dialogue.Of(from, template), options);
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
        voices.ToList().ForEach(voice => voice.Dispose());
        from.Dispose();
    }

    private static IReadOnlyList<Voice> Voices(ICausalModel model, string? gguf)
    {
        if (gguf is null)
        {
            return [new MarrowVoice(model)];
        }

        if (!File.Exists(gguf))
        {
            model.SaveGguf(gguf);
        }

        return [new MarrowVoice(model), new LlamaCppVoice(gguf)];
    }

    private static ICausalModel Load(BaseModel from, string? adapter, Device device, ScalarType type)
    {
        var model = from.Create(device: device, dtype: type);
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
            var prompt = dialogue.Ask(question);
            dialogue.Answered(voices.Select(voice => Say(voice, prompt, answers, stop.Token)).ToList()[0]);
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

    /// <summary>Writes an answer as it comes to be.</summary>
    private string Say(Voice voice, int[] prompt, TextWriter answers, CancellationToken stop)
    {
        var (clock, count, answer) = (Stopwatch.StartNew(), 0, new StringBuilder());
        var ids = voice.Continue(prompt, options, stop).Select(id =>
        {
            count++;
            return id;
        });
        foreach (var piece in from.Tokenizer.DecodeStream(ids))
        {
            answers.Write(piece);
            answer.Append(piece);
        }

        answers.WriteLine();
        if (voices.Count > 1)
        {
            var rate = count / clock.Elapsed.TotalSeconds;
            answers.WriteLine(FormattableString.Invariant($"  [{voice.Name}: {count} tokens, {rate:F1} a second]"));
        }

        return answer.ToString();
    }

    private static bool Cancel(CancellationTokenSource stop)
    {
        stop.Cancel();
        return true;
    }
}
