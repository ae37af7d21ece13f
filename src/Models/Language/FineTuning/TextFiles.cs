using System.Text.Json;

namespace Marrow.Language;

/// <summary>What a file of texts holds.</summary>
public enum TextFileKind
{
    /// <summary>Instructions with responses.</summary>
    Instructions,

    /// <summary>Conversations.</summary>
    Conversations,

    /// <summary>Plain text, every token of which is predicted.</summary>
    Text,
}

/// <summary>How files become texts for a model.</summary>
public sealed record TextFileOptions
{
    /// <summary>How instructions are written; null: in the base's chat format, or Alpaca's if it has none.</summary>
    public PromptTemplate? Template { get; init; }

    /// <summary>Files whose texts are held out; empty: the last part of the others is.</summary>
    public IReadOnlyList<string> HeldOut { get; init; } = [];

    /// <summary>That part; 0: nothing is held out.</summary>
    public double Share { get; init; } = 0.1;

    /// <summary>The longest text; null: the base's own context. Plain text is cut in pieces of it.</summary>
    public int? Context { get; init; }

    /// <summary>
    /// Tokens from one piece of plain text to the next; what pieces have in common is predicted once. Null: the
    /// context.
    /// </summary>
    public int? Stride { get; init; }
}

/// <summary>Files of texts, as a base reads them.</summary>
/// <param name="Texts">The texts.</param>
/// <param name="Kind">What the files hold.</param>
/// <param name="Encoder">How instructions are written for the base; null: there are none.</param>
public sealed record TextFiles(TextSplit Texts, TextFileKind Kind, IInstructionEncoder? Encoder)
{
    private const int PieceOfUnbounded = 1024;

    /// <summary>Reads and encodes files for a base.</summary>
    /// <param name="from">The base.</param>
    /// <param name="files">
    /// Files of one kind: JSON, JSON lines or Parquet with instructions or conversations, or plain text (.txt).
    /// </param>
    /// <param name="options">How.</param>
    /// <exception cref="TextDataException">A file cannot be read, or nothing in it suits the base.</exception>
    /// <exception cref="CheckpointException">Conversations need a chat template, and the base has none.</exception>
    public static TextFiles Open(BaseModel from, IReadOnlyList<string> files, TextFileOptions options)
    {
        var kind = KindOf([.. files, .. options.HeldOut]);
        var context = options.Context is { } own ? Math.Min(own, from.Context ?? own) : from.Context;
        var opened = kind switch
        {
            TextFileKind.Text => new(OfText(from, files, options, context ?? PieceOfUnbounded), kind, null),
            TextFileKind.Conversations => new(OfConversations(from, files, options, context), kind, null),
            _ => OfInstructions(from, files, options, context),
        };
        return opened.Texts.Training.Count > 0
            ? opened
            : throw new TextDataException(
                $"{files[0]}: none of its texts is short enough for a context of {context} tokens; use a longer "
                + "one, or shorter texts.");
    }

    /// <summary>What files hold, which must be the same in all.</summary>
    /// <exception cref="TextDataException">They differ, or one cannot be read.</exception>
    public static TextFileKind KindOf(IReadOnlyList<string> files)
    {
        var kinds = files.Select(file => (File: file, Kind: KindOf(file))).ToList();
        return kinds.Find(other => other.Kind != kinds[0].Kind) is { File: not null } other
            ? throw new TextDataException(
                $"{other.File} holds {Words(other.Kind)}, but {kinds[0].File} {Words(kinds[0].Kind)}; give files of "
                + "one kind.")
            : kinds[0].Kind;
    }

    private static TextFileKind KindOf(string file)
    {
        if (file.EndsWith(".txt", StringComparison.OrdinalIgnoreCase))
        {
            return TextFileKind.Text;
        }

        var (record, _) = RecordFile.Read(file).FirstOrDefault();
        return record.ValueKind switch
        {
            JsonValueKind.Undefined => throw new TextDataException($"{file}: it is empty; name a file with texts."),
            JsonValueKind.Object when record.TryGetProperty("messages", out _)
                || record.TryGetProperty("conversations", out _) => TextFileKind.Conversations,
            _ => TextFileKind.Instructions,
        };
    }

    private static string Words(TextFileKind kind) =>
        kind == TextFileKind.Text ? "plain text" : kind.ToString().ToLowerInvariant();

    private static TextFiles OfInstructions(
        BaseModel from, IReadOnlyList<string> files, TextFileOptions options, int? context)
    {
        var encoder = from.Encoder(options.Template);
        var (training, heldOut) = Split(files, options, InstructionFile.Read);
        return new(TextSplit.Of(encoder, training, heldOut, context), TextFileKind.Instructions, encoder);
    }

    private static TextSplit OfConversations(
        BaseModel from, IReadOnlyList<string> files, TextFileOptions options, int? context)
    {
        var (training, heldOut) = Split(files, options, ConversationFile.Read);
        return TextSplit.Of(from.ChatEncoder(), training, heldOut, context);
    }

    private static TextSplit OfText(BaseModel from, IReadOnlyList<string> files, TextFileOptions options, int length)
    {
        var (training, heldOut) = Split(files, options, file => TextSplit.Pieces(
            from.Tokenizer, Read(file), length, options.Stride));
        return new(training, heldOut);
    }

    private static (IReadOnlyList<T> Training, IReadOnlyList<T> HeldOut) Split<T>(
        IReadOnlyList<string> files, TextFileOptions options, Func<string, IEnumerable<T>> read)
    {
        List<T> all = [.. files.SelectMany(read)];
        return options.HeldOut.Count > 0
            ? (all, [.. options.HeldOut.SelectMany(read)])
            : TextSplit.HoldOut(all, options.Share);
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new TextDataException($"{file}: it cannot be read ({fault.Message.TrimEnd('.')}).", fault);
        }
    }
}
