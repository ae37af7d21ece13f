using Google.Protobuf;

namespace Marrow.Tokenizers;

/// <summary>tokenizer.model: SentencePiece's protobuf file, of its byte-pair kind.</summary>
internal static class SentencePieceModel
{
    private const int Normal = 1, Unknown = 2, Control = 3, Byte = 6, BytePairs = 2;

    /// <exception cref="CheckpointException">The file is damaged, or of a kind that is not supported.</exception>
    public static Vocabulary Read(string path) => Parsed(path).Vocabulary;

    /// <summary>The pieces by id, with the kinds that the format has.</summary>
    /// <exception cref="CheckpointException">The file is damaged, or of a kind that is not supported.</exception>
    public static IReadOnlyList<SentencePiece> ReadPieces(string path) => Parsed(path).Pieces;

    private static (Vocabulary Vocabulary, IReadOnlyList<SentencePiece> Pieces) Parsed(string path)
    {
        try
        {
            return Parse(path, File.ReadAllBytes(path));
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new CheckpointException(
                path, $"it is not a SentencePiece model ({error.Message})", "fetch it again", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"it cannot be read ({error.Message})", "check its permissions", error);
        }
    }

    private static (Vocabulary Vocabulary, IReadOnlyList<SentencePiece> Pieces) Parse(string path, byte[] file)
    {
        var pieces = new List<SentencePiece>();
        var (trainer, normalizer) = (new ProtobufFields(), new ProtobufFields());
        var input = new CodedInputStream(file);
        // Field numbers here and below are those of sentencepiece_model.proto.
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1:
                    var piece = ProtobufFields.Read(input.ReadBytes());
                    pieces.Add(new(piece.Text(1, ""), piece.Float(2), (int)piece.Number(3, Normal)));
                    break;
                case 2:
                    trainer = ProtobufFields.Read(input.ReadBytes());
                    break;
                case 3:
                    normalizer = ProtobufFields.Read(input.ReadBytes());
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }
        if (trainer.Number(3, 1) != BytePairs)
            throw Unsupported(path, "a SentencePiece model of another kind than BPE");
        if (normalizer.Text(2, "") != "") throw Unsupported(path, $"the normalization '{normalizer.Text(1, "")}'");
        if (normalizer.Number(5, 1) == 0) throw Unsupported(path, "spaces that are not escaped");
        if (trainer.Number(24, 0) != 0) throw Unsupported(path, "spaces as suffixes");
        if (pieces.Any(piece => piece.Kind is not (Normal or Unknown or Control or Byte)))
            throw Unsupported(path, "user-defined or unused pieces");

        var scores = new Dictionary<string, double>();
        foreach (var piece in pieces.Where(piece => piece.Kind == Normal)) scores.TryAdd(piece.Text, -piece.Score);
        var ranks = scores.GetAlternateLookup<ReadOnlySpan<char>>();
        var vocabulary = new Vocabulary([.. pieces.Select(piece => piece.Text)],
            pair => ranks.TryGetValue(pair, out var rank) ? rank : null,
            Enumerable.Range(0, pieces.Count).Where(id => pieces[id].Kind == Control))
        {
            ByteFallback = trainer.Number(35, 0) != 0,
            AddPrefix = normalizer.Number(3, 1) != 0,
            RemoveExtraSpaces = normalizer.Number(4, 1) != 0,
            Unknown = (int)trainer.Number(40, 0),
            Begin = (int)trainer.Number(41, 1),
            End = (int)trainer.Number(42, 2),
            UnknownText = trainer.Text(44, " \u2047 "),
        };
        if (vocabulary.ByteFallback && !vocabulary.HasAllBytes)
            throw new CheckpointException(
                path, "it demands byte fallback but lacks some of the 256 bytes", "fetch it again");
        return (vocabulary, pieces);
    }

    private static CheckpointException Unsupported(string path, string what) =>
        new(path, $"it has {what}, which is not supported",
        "use a model with a SentencePiece BPE tokenizer as LLaMA 2's, or tokenize outside");
}

/// <summary>A piece of a SentencePiece model.</summary>
internal readonly record struct SentencePiece(string Text, double Score, int Kind);
