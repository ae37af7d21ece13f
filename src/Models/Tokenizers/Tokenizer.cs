namespace Marrow.Tokenizers;

/// <summary>
/// Text to token ids and back. Names of special tokens in a text, such as "&lt;s&gt;", are ordinary text.
/// </summary>
/// <remarks>
/// Microsoft.ML.Tokenizers is not used: it merges equal neighbors of a SentencePiece model from the right instead of
/// from the left (32 times "a" gives other ids), gives one unknown id per character instead of one per run, cannot read
/// a tokenizer.json with byte fallback, and knows no RWKV World. </remarks>
public abstract class Tokenizer
{
    /// <summary>Id that begins a text.</summary>
    public abstract int BeginId { get; }

    /// <summary>Id that ends a text.</summary>
    public abstract int EndId { get; }

    /// <summary>Number of ids.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>
    /// Reads what lies in a checkpoint's folder: tokenizer.model (SentencePiece), tokenizer.json (Hugging Face's form
    /// of it), vocab.json with merges.txt (GPT-2), or rwkv_vocab*.txt (RWKV World).
    /// </summary>
    /// <param name="path">The folder, or an RWKV World vocabulary itself.</param>
    /// <exception cref="CheckpointException">None is there, or it is damaged or of a kind that is not
    /// supported.</exception>
    public static Tokenizer Load(string path)
    {
        if (File.Exists(path))
        {
            return RwkvWorldTokenizer.Read(path);
        }

        var (model, json) = (Path.Combine(path, "tokenizer.model"), Path.Combine(path, "tokenizer.json"));
        var (vocabulary, merges) = (Path.Combine(path, "vocab.json"), Path.Combine(path, "merges.txt"));
        var world = Directory.Exists(path)
            ? Directory.EnumerateFiles(path, "rwkv_vocab*.txt").Order(StringComparer.Ordinal).LastOrDefault() : null;
        return File.Exists(model) ? new SentencePieceTokenizer(SentencePieceModel.Read(model))
            : File.Exists(json) ? new SentencePieceTokenizer(TokenizerJson.Read(json))
            : File.Exists(vocabulary) && File.Exists(merges) ? ByteLevelTokenizer.Read(vocabulary, merges)
            : world is not null ? RwkvWorldTokenizer.Read(world)
            : throw new CheckpointException(
                path,
                "the folder holds neither tokenizer.model nor tokenizer.json, nor vocab.json with merges.txt, "
                + "nor rwkv_vocab*.txt",
                "fetch the tokenizer's file into the folder of the weights");
    }

    /// <summary>
    /// Ids of a text, with <see cref="BeginId"/> in front if <paramref name="addBegin"/>; none are added behind.
    /// </summary>
    public abstract int[] Encode(string text, bool addBegin = true);

    /// <summary>The text of some ids; those that begin and end a text have none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public abstract string Decode(IEnumerable<int> ids);

    /// <summary>
    /// The text of ids that come one by one, as it grows. A token may be a part of a character; pieces hold whole
    /// ones, and together they are what <see cref="Decode"/> gives.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public IEnumerable<string> DecodeStream(IEnumerable<int> ids)
    {
        var (read, text, written) = (new List<int>(), "", 0);
        foreach (var id in ids)
        {
            read.Add(id);
            text = Decode(read);
            var whole = text.TrimEnd('\uFFFD').Length;
            if (whole > written)
            {
                yield return text[written..whole];
                written = whole;
            }
        }

        if (text.Length > written)
        {
            yield return text[written..];
        }
    }

    private protected ArgumentOutOfRangeException Unknown(int id) =>
        new(nameof(id), $"id {id} is not in the vocabulary of {VocabularySize}");
}
