using Marrow.Checkpoints;

namespace Marrow.Tokenizers;

/// <summary>Text to token ids and back. One tokenizer may be used by several threads at once.</summary>
/// <remarks>
/// tokenizer.json is read by Hugging Face's own implementation. SentencePiece's and RWKV's files are read by Marrow:
/// Microsoft.ML.Tokenizers merges equal neighbors of a SentencePiece model from the right instead of from the left (32
/// times "a" gives other ids) and gives one unknown id per character instead of one per run, and no library knows RWKV
/// World.
/// </remarks>
public abstract class Tokenizer : IDisposable
{
    /// <summary>Id that begins a text; null if the model's texts begin without one.</summary>
    public abstract int? BeginId { get; }

    /// <summary>Id that ends a text or a turn, as the model was trained to write it.</summary>
    public abstract int EndId { get; }

    /// <summary>All ids that end what a model writes, <see cref="EndId"/> among them.</summary>
    public virtual IReadOnlyList<int> EndIds => [EndId];

    /// <summary>Id that fills up short texts of a batch; null if the tokenizer has none.</summary>
    public virtual int? PadId => null;

    /// <summary>Number of ids; a model's vocabulary may be padded to more.</summary>
    public abstract int VocabularySize { get; }

    /// <summary>
    /// Reads what lies in a checkpoint's folder: tokenizer.json (Hugging Face), tokenizer.model (SentencePiece),
    /// vocab.json with merges.txt (GPT-2), or rwkv_vocab*.txt (RWKV World), the first of these that is there. The
    /// tokens that begin, end and fill up a text are those of tokenizer_config.json, special_tokens_map.json and
    /// generation_config.json.
    /// </summary>
    /// <param name="path">The folder, or an RWKV World vocabulary itself.</param>
    /// <exception cref="CheckpointException">None is there, or it is damaged or of a kind that is not
    /// supported.</exception>
    public static Tokenizer Load(string path)
    {
        if (File.Exists(path))
        {
            GitLfs.RequireContent(path);
            return RwkvWorldTokenizer.Read(path);
        }

        var (json, model) = (Path.Combine(path, "tokenizer.json"), Path.Combine(path, "tokenizer.model"));
        var (vocabulary, merges) = (Path.Combine(path, "vocab.json"), Path.Combine(path, "merges.txt"));
        var world = Directory.Exists(path)
            ? Directory.EnumerateFiles(path, "rwkv_vocab*.txt").Order(StringComparer.Ordinal).LastOrDefault() : null;
        foreach (var file in new[] { json, model, vocabulary, merges })
        {
            GitLfs.RequireContent(file);
        }

        return File.Exists(json) ? HuggingFaceTokenizer.Read(TokenizerJson.Read(json), TokenizerFolder.Read(path))
            : File.Exists(model) ? SentencePieceTokenizer.Read(model, TokenizerFolder.Read(path))
            : File.Exists(vocabulary) && File.Exists(merges) ? Gpt2Files.Read(vocabulary, TokenizerFolder.Read(path))
            : world is not null ? RwkvWorldTokenizer.Read(world)
            : throw new CheckpointException(
                path,
                "the folder holds neither tokenizer.json nor tokenizer.model, nor vocab.json with merges.txt, "
                + "nor rwkv_vocab*.txt",
                "fetch the tokenizer's file into the folder of the weights");
    }

    /// <summary>Ids of a text.</summary>
    /// <param name="text">The text; the tokenizer's added tokens are recognized in it. An unpaired surrogate counts as
    /// U+FFFD.</param>
    /// <param name="addBegin">Whether to begin as the model's texts do, with what the tokenizer puts around one: for
    /// most <see cref="BeginId"/>, for some nothing.</param>
    public abstract int[] Encode(string text, bool addBegin = true);

    /// <summary>The text of some ids. Ids of a padded vocabulary, which have no token, have no text.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="keepSpecial">Whether special tokens are written out; otherwise they have no text.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public abstract string Decode(IEnumerable<int> ids, bool keepSpecial = false);

    /// <summary>
    /// The text of ids that come one by one, as it grows. A token may be a part of a character; pieces hold whole
    /// ones, and together they are what <see cref="Decode"/> gives.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
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

    /// <summary>Frees what the tokenizer holds outside of .NET's memory.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a derived tokenizer holds.</summary>
    /// <param name="disposing">Whether <see cref="Dispose()"/> was called.</param>
    protected virtual void Dispose(bool disposing)
    {
    }

    private protected static int Checked(int id) => id >= 0 ? id : throw new ArgumentOutOfRangeException(
        nameof(id), id, "A token id is not negative.");
}
