using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Marrow.Tokenizers;

/// <summary>
/// SentencePiece's byte-pair encoding, from a tokenizer.model. Added tokens are those of the files beside it; without
/// such files, names of special tokens in a text, such as "&lt;s&gt;", are ordinary text.
/// </summary>
internal sealed class SentencePieceTokenizer : Tokenizer
{
    /// <summary>How SentencePiece writes a space.</summary>
    internal const char Space = '\u2581';

    private readonly Vocabulary vocabulary;
    private readonly SpecialTokens tokens;
    private readonly Dictionary<int, AddedToken> added;
    private readonly Dictionary<string, int> addedIds;
    private readonly Regex? separators;
    private readonly bool addsBegin, addsEnd, prefixesEachPart;

    private SentencePieceTokenizer(Vocabulary vocabulary, TokenizerFolder folder)
    {
        this.vocabulary = vocabulary;
        added = folder.Added(IdOf).ToDictionary(token => token.Id);
        addedIds = added.Values.ToDictionary(token => token.Content, token => token.Id);
        tokens = folder.Special(
            token => addedIds.TryGetValue(token, out var id) ? id : IdOf(token), usualEnd: vocabulary.End);
        tokens = tokens with { Begin = tokens.Begin ?? (vocabulary.Begin >= 0 ? vocabulary.Begin : null) };
        addsBegin = folder.Flag("add_bos_token", otherwise: true);
        addsEnd = folder.Flag("add_eos_token", otherwise: false);
        // transformers' "legacy" behavior puts a space in front of every part between added tokens.
        prefixesEachPart = folder.Flag("legacy", otherwise: true);
        VocabularySize = Math.Max(vocabulary.Pieces.Length, added.Keys.DefaultIfEmpty(-1).Max() + 1);
        if (added.Count > 0)
        {
            separators = new(string.Join('|', added.Values
                .OrderByDescending(token => token.Content.Length)
                .Select(token => (token.StripsLeft ? @"\s*" : "") + $"(?:{Regex.Escape(token.Content)})"
                    + (token.StripsRight ? @"\s*" : ""))), RegexOptions.CultureInvariant);
        }
    }

    /// <inheritdoc/>
    public override int? BeginId => tokens.Begin;

    /// <inheritdoc/>
    public override int EndId => tokens.End;

    /// <inheritdoc/>
    public override IReadOnlyList<int> EndIds => tokens.Ends;

    /// <inheritdoc/>
    public override int? PadId => tokens.Pad;

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <exception cref="CheckpointException">The file is damaged, or of a kind that is not supported.</exception>
    public static SentencePieceTokenizer Read(string path, TokenizerFolder folder) =>
        new(SentencePieceModel.Read(path), folder);

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addBegin = true)
    {
        var ids = new List<int>();
        if (addBegin && addsBegin && BeginId is { } begin)
        {
            ids.Add(begin);
        }

        text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)); // an unpaired surrogate becomes U+FFFD
        var start = 0;
        for (var found = separators?.Match(text); found is { Success: true }; found = found.NextMatch())
        {
            EncodePart(ids, text[start..found.Index], isFirst: start == 0);
            ids.Add(addedIds.TryGetValue(found.Value, out var id) ? id : addedIds[found.Value.Trim()]);
            start = found.Index + found.Length;
        }

        EncodePart(ids, text[start..], isFirst: start == 0);
        if (addBegin && addsEnd)
        {
            ids.Add(EndId);
        }

        return [.. ids];
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids, bool keepSpecial = false)
    {
        var text = new ArrayBufferWriter<byte>();
        var prefixed = vocabulary.AddPrefix || vocabulary.RemoveExtraSpaces;
        foreach (var id in ids)
        {
            if (Checked(id) >= VocabularySize)
            {
                continue;
            }

            if (added.TryGetValue(id, out var token))
            {
                text.Write(Encoding.UTF8.GetBytes(keepSpecial || !token.IsSpecial ? token.Content : ""));
                continue;
            }

            if (id >= vocabulary.Pieces.Length)
            {
                continue;
            }

            if (vocabulary.Byte(id) is { } single)
            {
                text.Write([single]);
                continue;
            }

            if (vocabulary.IsControl(id))
            {
                text.Write(Encoding.UTF8.GetBytes(keepSpecial ? vocabulary.Pieces[id] : ""));
                continue;
            }

            var piece = vocabulary.Pieces[id];
            // The space that encoding put in front of the text goes again; any further one is the text's own.
            if (prefixed && text.WrittenCount == 0 && piece.StartsWith(Space)) (piece, prefixed) = (piece[1..], false);
            text.Write(Encoding.UTF8.GetBytes(
                id == vocabulary.Unknown ? vocabulary.UnknownText : piece.Replace(Space, ' ')));
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private int? IdOf(string piece) =>
        Array.IndexOf(vocabulary.Pieces, piece) is var id and >= 0 ? id : null;

    private void EncodePart(List<int> ids, string text, bool isFirst)
    {
        var normal = Normalize(text, isFirst || prefixesEachPart);
        foreach (var piece in BytePairs.Merge(normal, vocabulary.Rank)) AddIds(ids, normal.AsSpan()[piece]);
    }

    private string Normalize(string text, bool prefix)
    {
        if (vocabulary.RemoveExtraSpaces)
            text = string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        if (text.Length > 0 && vocabulary.AddPrefix && prefix) text = $" {text}";
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
