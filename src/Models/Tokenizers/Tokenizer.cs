using System.Buffers;
using System.Text;
using Marrow.Checkpoints;

namespace Marrow.Tokenizers;

/// <summary>
/// The tokenizer that lies beside a LLaMA-like checkpoint: SentencePiece's byte-pair encoding. Names of special tokens in
/// a text, such as "&lt;s&gt;", are ordinary text, as in SentencePiece.
/// </summary>
/// <remarks>
/// Microsoft.ML.Tokenizers is not used for these files: it merges equal neighbours from the right instead of from the
/// left (32 times "a" gives other ids than SentencePiece), gives one unknown id per character instead of one per run,
/// and cannot read a tokenizer.json with byte fallback.
/// </remarks>
public sealed class Tokenizer
{
    /// <summary>How SentencePiece writes a space.</summary>
    internal const char Space = '\u2581';

    private readonly Vocabulary vocabulary;

    internal Tokenizer(Vocabulary vocabulary) => this.vocabulary = vocabulary;

    /// <summary>Id that begins a text (<c>&lt;s&gt;</c>).</summary>
    public int BeginId => vocabulary.Begin;

    /// <summary>Id that ends a text (<c>&lt;/s&gt;</c>).</summary>
    public int EndId => vocabulary.End;

    /// <summary>Number of ids.</summary>
    public int VocabularySize => vocabulary.Pieces.Length;

    /// <summary>Reads tokenizer.model, or tokenizer.json where there is no such file.</summary>
    /// <param name="directory">Folder of a checkpoint.</param>
    /// <exception cref="CheckpointException">Neither file is there, or it is damaged or of a kind that is not supported.</exception>
    public static Tokenizer Load(string directory)
    {
        var (model, json) = (Path.Combine(directory, "tokenizer.model"), Path.Combine(directory, "tokenizer.json"));
        if (File.Exists(model)) return new(SentencePieceModel.Read(model));
        if (File.Exists(json)) return new(TokenizerJson.Read(json));
        throw new CheckpointException(directory, "the folder holds neither tokenizer.model nor tokenizer.json",
            "fetch the tokenizer's file into the folder of the weights");
    }

    /// <summary>Ids of a text, with <see cref="BeginId"/> in front if <paramref name="addBegin"/>; none are added behind.</summary>
    public int[] Encode(string text, bool addBegin = true)
    {
        var ids = new List<int>();
        if (addBegin) ids.Add(BeginId);
        var normal = Normalize(text);
        foreach (var piece in BytePairs.Merge(normal, vocabulary.Rank)) AddIds(ids, normal.AsSpan()[piece]);
        return [.. ids];
    }

    /// <summary>The text of some ids; <see cref="BeginId"/> and other control ids have none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(IEnumerable<int> ids)
    {
        var text = new ArrayBufferWriter<byte>();
        var prefixed = vocabulary.AddPrefix || vocabulary.RemoveExtraSpaces;
        foreach (var id in ids)
        {
            if ((uint)id >= (uint)VocabularySize)
                throw new ArgumentOutOfRangeException(nameof(ids), $"id {id} is not in the vocabulary of {VocabularySize}");
            if (vocabulary.Byte(id) is { } single)
            {
                text.Write([single]);
                continue;
            }
            if (vocabulary.IsControl(id)) continue;
            var piece = vocabulary.Pieces[id];
            // The space that encoding put in front of the text goes again; any further one is the text's own.
            if (prefixed && text.WrittenCount == 0 && piece.StartsWith(Space)) (piece, prefixed) = (piece[1..], false);
            text.Write(Encoding.UTF8.GetBytes(id == vocabulary.Unknown ? vocabulary.UnknownText : piece.Replace(Space, ' ')));
        }
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private string Normalize(string text)
    {
        text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)); // an unpaired surrogate becomes U+FFFD
        if (vocabulary.RemoveExtraSpaces) text = string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries));
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
