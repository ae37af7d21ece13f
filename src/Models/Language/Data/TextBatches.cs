using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Language;

/// <summary>How texts come together in batches.</summary>
public enum TextGrouping
{
    /// <summary>As they come; the shorter ones of a batch are padded.</summary>
    Shuffled,

    /// <summary>Texts of about equal length together, so that little is padded.</summary>
    Buckets,

    /// <summary>
    /// Texts one after another in rows of one length, none cut; a row's later texts also see its earlier ones.
    /// </summary>
    Packed,
}

/// <summary>A batch of texts.</summary>
/// <param name="Ids">Token ids [batch, tokens].</param>
/// <param name="Labels">
/// For each position the id that follows, or <see cref="TextBatches.Ignored"/> where it is not to be learned.
/// </param>
public sealed record TextBatch(Tensor Ids, Tensor Labels) : IDisposable
{
    private readonly long? learned;

    /// <summary>
    /// How many tokens are to be learned. Who makes a batch says it, or the labels are counted, for which the CPU waits
    /// for their device.
    /// </summary>
    public long Learned
    {
        get => learned ?? Count();
        init => learned = value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Ids.Dispose();
        Labels.Dispose();
    }

    private long Count()
    {
        using var scope = NewDisposeScope();
        return Labels.ne(TextBatches.Ignored).sum().item<long>();
    }
}

/// <summary>
/// Endless batches whose order only the seed decides: batch number n is the same in every run, so that a resumed run
/// goes on where it stopped.
/// </summary>
public sealed class TextBatches
{
    /// <summary>The label of a position that does not count, as cross_entropy knows it.</summary>
    public const int Ignored = -100;

    // Texts are sorted by length within this many batches, so that batches still differ from epoch to epoch.
    private const int BucketBatches = 32;

    private readonly IReadOnlyList<TokenizedText> texts;
    private readonly int size;
    private readonly ulong seed;
    private readonly TextGrouping grouping;
    private (long Number, int[][] Batches)? epoch;

    /// <summary>Groups texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="size">Rows of a batch.</param>
    /// <param name="seed">Decides the order.</param>
    /// <param name="grouping">How they come together.</param>
    /// <param name="rowLength">Tokens of a packed row; the longest text's if not given.</param>
    /// <exception cref="ArgumentException">
    /// There are no texts, one has no two tokens or is longer than a packed row, or nothing is to be learned.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is not positive.</exception>
    public TextBatches(IReadOnlyList<TokenizedText> texts, int size, ulong seed, TextGrouping grouping =
        TextGrouping.Shuffled, int? rowLength = null)
    {
        Check(texts, size);
        (this.size, this.seed, this.grouping) = (size, seed, grouping);
        this.texts = grouping == TextGrouping.Packed
            ? Pack(texts, rowLength ?? texts.Max(text => text.Length), seed)
            : texts;
    }

    /// <summary>Rows of a batch.</summary>
    public int Size => size;

    /// <summary>Batches of one pass over all texts.</summary>
    public int Count => (texts.Count + size - 1) / size;

    /// <summary>The batch of this number, counted from 0 over all epochs.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="device">Where to put it; the CPU if null.</param>
    public TextBatch this[long number, Device? device = null]
    {
        get
        {
            if (epoch?.Number != number / Count)
            {
                epoch = (number / Count, Order(number / Count));
            }

            return Make([.. epoch.Value.Batches[number % Count].Select(index => texts[index])], device ?? CPU);
        }
    }

    /// <summary>The rows of batches, each a text or several.</summary>
    internal IReadOnlyList<TokenizedText> Rows => texts;

    /// <summary>A text as messages call it.</summary>
    internal static string Name(TokenizedText text, int index) => text.Source ?? $"Text {index} (counted from 0)";

    private static void Check(IReadOnlyList<TokenizedText> texts, int size)
    {
        if (size < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(size), size, "A batch has one row or more.");
        }

        if (texts.Count == 0)
        {
            throw new ArgumentException("There are no texts to make batches of.", nameof(texts));
        }

        foreach (var (index, text) in texts.Index())
        {
            if (text.Length < 2 || text.Learned.Length != text.Length)
            {
                throw new ArgumentException(
                    $"{Name(text, index)}: with {text.Length} token{(text.Length == 1 ? "" : "s")} "
                    + (text.Length < 2
                        ? "nothing is predicted; leave out texts of less than two."
                        : $"go {text.Learned.Length} marks of what is learned; give each token one."),
                    nameof(texts));
            }
        }

        if (!texts.Any(text => text.Learned.Skip(1).Contains(true)))
        {
            throw new ArgumentException(
                "In none of the texts is a token to be learned; mark those of the responses.", nameof(texts));
        }
    }

    private static TextBatch Make(IReadOnlyList<TokenizedText> rows, Device device)
    {
        var tokens = rows.Max(text => text.Length) - 1;
        var (ids, labels) = (new long[rows.Count, tokens], new long[rows.Count, tokens]);
        var learned = 0L;
        for (var row = 0; row < rows.Count; row++)
        {
            var text = rows[row];
            for (var i = 0; i < tokens; i++)
            {
                // What lies behind the end of a short text cannot be seen from within it, so any id will do.
                ids[row, i] = i < text.Length ? text.Ids[i] : 0;
                var isLearned = i + 1 < text.Length && text.Learned[i + 1];
                labels[row, i] = isLearned ? text.Ids[i + 1] : Ignored;
                learned += isLearned ? 1 : 0;
            }
        }

        return new(tensor(ids).Send(device), tensor(labels).Send(device)) { Learned = learned };
    }

    private int[][] Order(long number)
    {
        var random = Seeds.Random(seed, (ulong)number);
        var order = Enumerable.Range(0, texts.Count).ToArray();
        random.Shuffle(order);
        if (grouping != TextGrouping.Buckets)
        {
            return [.. order.Chunk(size)];
        }

        int[][] batches =
        [
            .. order.Chunk(size * BucketBatches)
                .SelectMany(bucket => bucket.OrderBy(index => texts[index].Length).Chunk(size)),
        ];
        random.Shuffle(batches);
        return batches;
    }

    /// <summary>Fills rows in a shuffled order, each with the texts that come next as long as they fit.</summary>
    private static List<TokenizedText> Pack(IReadOnlyList<TokenizedText> texts, int length, ulong seed)
    {
        var order = texts.ToArray();
        Seeds.Random(seed, ulong.MaxValue).Shuffle(order);
        var (rows, waiting, used) = (new List<TokenizedText>(), new List<TokenizedText>(), 0);
        foreach (var text in order)
        {
            if (text.Length > length)
            {
                throw new ArgumentException(
                    $"A text of {text.Length} tokens does not fit a packed row of {length}; make rows longer, or leave "
                    + "it out.");
            }

            if (used + text.Length > length)
            {
                rows.Add(Joined(waiting));
                (waiting, used) = ([], 0);
            }

            waiting.Add(text);
            used += text.Length;
        }

        rows.Add(Joined(waiting));
        return rows;
    }

    private static TokenizedText Joined(List<TokenizedText> row) =>
        new([.. row.SelectMany(text => text.Ids)], [.. row.SelectMany(text => text.Learned)]);
}
