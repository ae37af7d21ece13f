using Marrow.Tokenizers;

namespace Marrow.Examples.FineTune.Data;

/// <summary>A problem as token ids.</summary>
/// <param name="Problem">The problem.</param>
/// <param name="Prompt">The begin id and the question.</param>
/// <param name="Answer">The worked answer and the end id, which are what is learned.</param>
internal sealed record Example(Problem Problem, int[] Prompt, int[] Answer)
{
    /// <summary>Tokens of both.</summary>
    public int Length => Prompt.Length + Answer.Length;
}

/// <summary>Turns problems into token ids.</summary>
/// <param name="tokenizer">The base's own.</param>
/// <param name="context">The longest sequence of the base.</param>
internal sealed class Encoder(Tokenizer tokenizer, int context)
{
    /// <summary>What stands before the final number: GSM8K's mark where the vocabulary can spell it.</summary>
    public string Marker { get; } =
        tokenizer.Decode(tokenizer.Encode(Problem.HashMarker)) == Problem.HashMarker ? Problem.HashMarker : Problem.PhraseMarker;

    /// <summary>The id that ends an answer.</summary>
    public int End => tokenizer.EndId;

    /// <summary>One problem.</summary>
    public Example Encode(Problem problem) => new(
        problem,
        tokenizer.Encode($"{problem.Question}\n"),
        [.. tokenizer.Encode($"{problem.Solution}\n{Marker} {problem.Answer}", addBegin: false), End]);

    /// <summary>Those problems that the model's context holds, and how many it does not.</summary>
    public (IReadOnlyList<Example> Fitting, int TooLong) EncodeAll(IEnumerable<Problem> problems)
    {
        var all = problems.Select(Encode).ToList();
        var fitting = all.Where(example => example.Length <= context).ToList();
        return (fitting, all.Count - fitting.Count);
    }

    /// <summary>The text that a model wrote.</summary>
    public string Decode(IEnumerable<int> ids) => tokenizer.Decode(ids);
}
