using Marrow.Tokenizers;

namespace Marrow.Language;

/// <summary>Texts to learn from, and texts that are held out to measure by.</summary>
/// <param name="Training">Texts to learn from.</param>
/// <param name="HeldOut">Texts that are held out.</param>
public sealed record TextSplit(IReadOnlyList<TokenizedText> Training, IReadOnlyList<TokenizedText> HeldOut)
{
    /// <summary>The held-out instructions; empty if the texts are none.</summary>
    public IReadOnlyList<Instruction> Problems { get; init; } = [];

    /// <summary>How many of the texts to learn from were longer than the context.</summary>
    public int TooLong { get; init; }

    /// <summary>How many of the held-out ones were.</summary>
    public int HeldOutTooLong { get; init; }

    /// <summary>Where the held-out texts came from, in words.</summary>
    public string Source { get; init; } = "";

    /// <summary>Encodes instructions, as far as a context holds them.</summary>
    /// <param name="encoder">How the model wants them written.</param>
    /// <param name="training">Instructions to learn from.</param>
    /// <param name="heldOut">Those that are held out.</param>
    /// <param name="context">The longest text; null: any.</param>
    public static TextSplit Of(
        IInstructionEncoder encoder,
        IEnumerable<Instruction> training,
        IReadOnlyList<Instruction> heldOut,
        int? context)
    {
        var (fitting, tooLong) = encoder.EncodeAll(training, context);
        var held = heldOut
            .Select(problem => (Problem: problem, Text: encoder.Encode(problem)))
            .Where(held => !(held.Text.Length > context) && !(encoder.EncodePrompt(held.Problem).Length >= context))
            .ToList();
        return new(fitting, [.. held.Select(held => held.Text)])
        {
            Problems = [.. held.Select(held => held.Problem)],
            TooLong = tooLong,
            HeldOutTooLong = heldOut.Count - held.Count,
        };
    }

    /// <summary>Encodes conversations, as far as a context holds them.</summary>
    /// <inheritdoc cref="Of(IInstructionEncoder, IEnumerable{Instruction}, IReadOnlyList{Instruction}, int?)"/>
    public static TextSplit Of(
        ChatEncoder encoder, IEnumerable<Conversation> training, IEnumerable<Conversation> heldOut, int? context)
    {
        var (fitting, tooLong) = encoder.EncodeAll(training, context);
        var (held, heldOutTooLong) = encoder.EncodeAll(heldOut, context);
        return new(fitting, held) { TooLong = tooLong, HeldOutTooLong = heldOutTooLong };
    }

    /// <summary>A plain text in pieces, every token of which is predicted once.</summary>
    /// <param name="tokenizer">The model's own.</param>
    /// <param name="text">The text.</param>
    /// <param name="length">Tokens of a piece.</param>
    /// <param name="stride">
    /// Tokens from one piece to the next; if smaller than the length, pieces begin with what the one before ends with,
    /// which is not predicted again. The length if null.
    /// </param>
    /// <param name="addBegin">Whether the text begins with the tokenizer's first id.</param>
    public static IReadOnlyList<TokenizedText> Pieces(
        Tokenizer tokenizer, string text, int length, int? stride = null, bool addBegin = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        var step = stride ?? length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(step >= 1 && step <= length, true, nameof(stride));
        var ids = tokenizer.Encode(text, addBegin);
        var pieces = new List<TokenizedText>();
        for (var (start, known) = (0, 0); known < ids.Length; start += step)
        {
            var piece = ids[start..Math.Min(start + length, ids.Length)];
            var seen = known - start;
            known = start + piece.Length;
            if (piece.Length > 1)
            {
                pieces.Add(new(piece, [.. piece.Select((_, place) => place >= seen)]));
            }
        }

        return pieces;
    }

    /// <summary>The last part of some items held out.</summary>
    /// <param name="items">The items.</param>
    /// <param name="share">The part that is held out.</param>
    public static (IReadOnlyList<T> Training, IReadOnlyList<T> HeldOut) HoldOut<T>(IReadOnlyList<T> items, double share)
    {
        var held = (int)(items.Count * share);
        return ([.. items.Take(items.Count - held)], [.. items.Skip(items.Count - held)]);
    }
}
