using Marrow.Tokenizers;

namespace Marrow.Language;

/// <summary>A text as token ids, of which some are to be learned.</summary>
/// <param name="Ids">The ids.</param>
/// <param name="Learned">For each id whether the model is to predict it: those of responses.</param>
public sealed record TokenizedText(int[] Ids, bool[] Learned)
{
    /// <summary>Where its text was read, file and line, for messages; null if nowhere.</summary>
    public string? Source { get; init; }

    /// <summary>How many ids there are.</summary>
    public int Length => Ids.Length;
}

/// <summary>Turns instructions into token ids.</summary>
/// <param name="tokenizer">The model's own.</param>
/// <param name="template">How prompts are written.</param>
/// <param name="addBegin">Whether a prompt begins with the tokenizer's first id; LLaMA's does, RWKV's does not.</param>
public sealed class InstructionEncoder(Tokenizer tokenizer, PromptTemplate template, bool addBegin = true)
    : IInstructionEncoder
{
    /// <summary>The id that ends a response.</summary>
    public int End => tokenizer.EndId;

    /// <inheritdoc/>
    public IReadOnlyList<int> Ends => [End];

    /// <summary>The texts that end a response (<see cref="PromptTemplate.Stops"/>).</summary>
    public IReadOnlyList<string> Stops => template.Stops;

    /// <summary>
    /// Prompt and response, the end id behind it; only the response is learned. The ids are those of the whole text: a
    /// token that holds the end of the prompt and the beginning of the response is a part of the response.
    /// </summary>
    public TokenizedText Encode(Instruction instruction)
    {
        var prompt = template.Prompt(instruction);
        int[] whole = [.. tokenizer.Encode(prompt + template.Separator + instruction.Response, addBegin), End];
        var first = tokenizer.Encode(prompt, addBegin).Zip(whole).TakeWhile(pair => pair.First == pair.Second).Count();
        return new(whole, [.. Enumerable.Range(0, whole.Length).Select(place => place >= first)])
        {
            Source = instruction.Source,
        };
    }

    /// <summary>The ids that a model shall continue when it is evaluated.</summary>
    public int[] EncodePrompt(Instruction instruction) =>
        tokenizer.Encode(template.Prompt(instruction) + template.Reasoning, addBegin);

    /// <summary>The text of ids.</summary>
    public string Decode(IEnumerable<int> ids) => tokenizer.Decode(ids);

    /// <summary>The text of ids that come one by one, as it grows, in pieces of whole characters.</summary>
    public IEnumerable<string> DecodeStream(IEnumerable<int> ids) => tokenizer.DecodeStream(ids);

    /// <summary>Those instructions that a context holds, encoded, and how many it does not.</summary>
    public (IReadOnlyList<TokenizedText> Fitting, int TooLong) EncodeAll(
        IEnumerable<Instruction> instructions, int? context)
    {
        var all = instructions.Select(Encode).ToList();
        var fitting = all.Where(text => !(text.Length > context)).ToList();
        return (fitting, all.Count - fitting.Count);
    }
}
