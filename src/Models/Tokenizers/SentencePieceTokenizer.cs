using System.Buffers;
using System.Text;

namespace Marrow.Tokenizers;

/// <summary>The tokenizer that lies beside a LLaMA-like checkpoint: SentencePiece's byte-pair encoding.</summary>
internal sealed class SentencePieceTokenizer(Vocabulary vocabulary) : Tokenizer
{
    /// <summary>How SentencePiece writes a space.</summary>
    internal const char Space = '\u2581';

    /// <inheritdoc/>
    public override int BeginId => vocabulary.Begin;

    /// <inheritdoc/>
    public override int EndId => vocabulary.End;

    /// <inheritdoc/>
    public override int VocabularySize => vocabulary.Pieces.Length;

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addBegin = true)
    {
        var ids = new List<int>();
        if (addBegin) ids.Add(BeginId);
        var normal = Normalize(text);
        foreach (var piece in BytePairs.Merge(normal, vocabulary.Rank)) AddIds(ids, normal.AsSpan()[piece]);
        return [.. ids];
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids)
    {
        var text = new ArrayBufferWriter<byte>();
        var prefixed = vocabulary.AddPrefix || vocabulary.RemoveExtraSpaces;
        foreach (var id in ids)
        {
            if ((uint)id >= (uint)VocabularySize)
                throw Unknown(id);
            if (vocabulary.Byte(id) is { } single)
            {
                text.Write([single]);
                continue;
            }
            if (vocabulary.IsControl(id)) continue;
            var piece = vocabulary.Pieces[id];
            // The space that encoding put in front of the text goes again; any further one is the text's own.
            if (prefixed && text.WrittenCount == 0 && piece.StartsWith(Space)) (piece, prefixed) = (piece[1..], false);
            text.Write(Encoding.UTF8.GetBytes(
                id == vocabulary.Unknown ? vocabulary.UnknownText : piece.Replace(Space, ' ')));
        }
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private string Normalize(string text)
    {
        text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)); // an unpaired surrogate becomes U+FFFD
        if (vocabulary.RemoveExtraSpaces)
            text = string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        if (text.Length > 0 && vocabulary.AddPrefix) text = $" {text}";
        return text.Replace(' ', Space);
    }

    private void AddIds(List<int> ids, ReadOnlySpan<char> piece)
    {
        if (vocabulary.TryGetId(piece, out var id))
        {
            ids.Add(id);
        }
        else if (vocabulary.ByteFallback)
        {
            Span<byte> bytes = stackalloc byte[4]; // an unknown piece was never merged: it is one character
            foreach (var single in bytes[..Encoding.UTF8.GetBytes(piece, bytes)]) ids.Add(vocabulary.ByteId(single));
        }
        else if (ids is [] || ids[^1] != vocabulary.Unknown)
        {
            ids.Add(vocabulary.Unknown); // one for a whole run
        }
    }
}
