using System.Text;

namespace Marrow.Tokenizers;

/// <summary>Rank of merging two neighbors into one piece, lowest first; null if they never merge.</summary>
/// <param name="pair">Both neighbors.</param>
internal delegate double? MergeRank(ReadOnlySpan<char> pair);

/// <summary>Byte-pair encoding: neighbors merge in the order of their rank, equal ones from the left.</summary>
internal static class BytePairs
{
    /// <summary>Cuts a text into pieces, as ranges of it; characters that merge with nothing stay alone.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="rank">Which neighbors merge.</param>
    public static List<Range> Merge(string text, MergeRank rank)
    {
        // A list linked by index: ends[i] is where the piece that starts at i ends, starts[i] where the one before i
        // starts.
        var ends = new int[text.Length];
        var previous = new int[text.Length + 1];
        var queue = new PriorityQueue<(int Left, int Middle, int End), (double Rank, int Left)>();
        for (int start = 0, before = -1; start < text.Length; before = start, start = ends[start])
        {
            ends[start] = start + Rune.GetRuneAt(text, start).Utf16SequenceLength;
            previous[start] = before;
            previous[ends[start]] = start;
            Propose(before, start);
        }
        while (queue.TryDequeue(out var pair, out _))
        {
            var (left, middle, end) = pair;
            // Entries whose pieces have merged with something else since are stale.
            if (ends[left] != middle || ends[middle] != end) continue;
            ends[left] = end;
            ends[middle] = 0;
            previous[end] = left;
            Propose(previous[left], left);
            if (end < text.Length) Propose(left, end);
        }

        var pieces = new List<Range>();
        for (var start = 0; start < text.Length; start = ends[start]) pieces.Add(start..ends[start]);
        return pieces;

        void Propose(int left, int middle)
        {
            if (left < 0) return;
            var end = ends[middle];
            if (rank(text.AsSpan()[left..end]) is { } value)
                queue.Enqueue((left, middle, end), (value, left));
        }
    }
}
