namespace Marrow.Language;

/// <summary>Writes instructions for a model, as a template or the model's chat format has them.</summary>
public interface IInstructionEncoder
{
    /// <summary>The ids that end a response.</summary>
    IReadOnlyList<int> Ends { get; }

    /// <summary>The texts that end a response.</summary>
    IReadOnlyList<string> Stops { get; }

    /// <summary>Prompt and response, of which the response is learned, with what ends it.</summary>
    TokenizedText Encode(Instruction instruction);

    /// <summary>The ids that a model shall continue with a response.</summary>
    int[] EncodePrompt(Instruction instruction);

    /// <summary>The text of ids.</summary>
    string Decode(IEnumerable<int> ids);

    /// <summary>Those instructions that a context holds, encoded, and how many it does not.</summary>
    (IReadOnlyList<TokenizedText> Fitting, int TooLong) EncodeAll(IEnumerable<Instruction> instructions, int? context)
    {
        var all = instructions.Select(Encode).ToList();
        var fitting = all.Where(text => !(text.Length > context)).ToList();
        return (fitting, all.Count - fitting.Count);
    }
}
