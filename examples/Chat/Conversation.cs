using Marrow.Language;
using Marrow.Models;
using Marrow.Tokenizers;
using static TorchSharp.torch;

namespace Marrow.Examples.Chat;

/// <summary>Questions in, answers out as they come to be.</summary>
internal sealed class Conversation : IDisposable
{
    private readonly ICausalModel model;
    private readonly InstructionEncoder encoder;
    private readonly GenerationOptions options;

    private Conversation(ICausalModel model, InstructionEncoder encoder, GenerationOptions options) =>
        (this.model, this.encoder, this.options) = (model, encoder, options with { Stops = [encoder.End] });

    /// <summary>Loads base, adapter and tokenizer.</summary>
    public static Conversation Open(string path, string? adapter, PromptTemplate template, GenerationOptions options)
    {
        var folder = File.Exists(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : path;
        var tokenizer = Tokenizer.Load(folder);
        var model = Load(path, folder, adapter);
        return new(
            model, new InstructionEncoder(tokenizer, template, addBegin: template != PromptTemplate.Rwkv), options);
    }

    /// <summary>Answers line after line, until an empty one or the end.</summary>
    public void Run(TextReader questions, TextWriter answers)
    {
        for (answers.Write("> "); questions.ReadLine() is { Length: > 0 } question; answers.Write("> "))
        {
            Answer(question, answers);
        }
    }

    public void Dispose() => model.Dispose();

    private static ICausalModel Load(string path, string folder, string? adapter)
    {
        using var shapes = Construction.On(META);
        var kind = adapter is null ? AdapterKind.None : AdapterKind.Read(adapter);
        var model = File.Exists(Path.Combine(folder, "config.json"))
            ? kind.OnLlama(LlamaSizes.Read(path))
            : kind.OnRwkv6(Rwkv6Sizes.Read(path));
        model.LoadPretrained(path);
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
            int[][] prompts = [encoder.EncodePrompt(new(question, ""))];
            var tokens = Generation.Stream(model, prompts, options, stop.Token);
            foreach (var piece in encoder.DecodeStream(tokens.Select(token => token.Id)))
            {
                answers.Write(piece);
            }

            answers.WriteLine();
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
