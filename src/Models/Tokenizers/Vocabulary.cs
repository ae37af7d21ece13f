using System.Globalization;

namespace Marrow.Tokenizers;

/// <summary>The pieces of a SentencePiece model and its rules.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ids;
    private readonly int[] byteIds = Enumerable.Repeat(-1, 256).ToArray();
    private readonly Dictionary<int, byte> bytes = [];
    private readonly HashSet<int> control;

    /// <param name="pieces">Piece by id.</param>
    /// <param name="rank">Which neighbors merge.</param>
    /// <param name="control">Ids that stand for no text, the unknown one excepted.</param>
    public Vocabulary(string[] pieces, MergeRank rank, IEnumerable<int> control)
    {
        (Pieces, Rank, this.control) = (pieces, rank, [.. control]);
        var text = new Dictionary<string, int>();
        for (var id = 0; id < pieces.Length; id++)
        {
            if (pieces[id] is ['<', '0', 'x', _, _, '>'] name
                && byte.TryParse(name.AsSpan(3, 2), NumberStyles.HexNumber, null, out var value))
                (byteIds[value], bytes[id]) = (id, value);
            else if (!this.control.Contains(id))
                text.TryAdd(pieces[id], id);
        }
        ids = text.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public string[] Pieces { get; }

    public MergeRank Rank { get; }

    /// <summary>Unknown characters are spelled as their UTF-8 bytes.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>A space is put in front of every text.</summary>
    public bool AddPrefix { get; init; }

    /// <summary>Runs of spaces count as one, and those at the ends not at all.</summary>
    public bool RemoveExtraSpaces { get; init; }

    public int Unknown { get; init; }

    public int Begin { get; init; }

    public int End { get; init; }

    /// <summary>What decoding writes for the unknown id.</summary>
    public string UnknownText { get; init; } = " \u2047 ";

    /// <summary>With byte fallback, whether all 256 bytes have an id.</summary>
    public bool HasAllBytes => byteIds.All(id => id >= 0);

    public bool TryGetId(ReadOnlySpan<char> piece, out int id) => ids.TryGetValue(piece, out id);

    public int ByteId(byte value) => byteIds[value];

    public byte? Byte(int id) => bytes.TryGetValue(id, out var value) ? value : null;

    public bool IsControl(int id) => control.Contains(id);
}
