using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Marrow.Tokenizers;

/// <summary>
/// GPT-2's byte-level byte-pair encoding: a text is cut into words, and the UTF-8 bytes of each, written as printable
/// characters, merge in the order of their rank.
/// </summary>
internal sealed class ByteLevelTokenizer : Tokenizer
{
    private const string EndOfText = "<|endoftext|>";

    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
    private static readonly char[] Printable = PrintableBytes();
    private static readonly Dictionary<char, byte> Bytes = Printable.Index().ToDictionary(pair => pair.Item, pair =>
        (byte)pair.Index);

    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ids;
    private readonly string[] pieces;
    private readonly Dictionary<(string Left, string Right), int> ranks;

    private ByteLevelTokenizer(Dictionary<string, int> vocabulary, Dictionary<(string Left, string Right), int> ranks)
    {
        pieces = new string[vocabulary.Count];
        foreach (var (piece, id) in vocabulary)
        {
            pieces[(uint)id < pieces.Length ? id : throw new FormatException($"id {id} leaves a gap")] = piece;
        }

        if (Printable.FirstOrDefault(single => !vocabulary.ContainsKey(single.ToString())) is var lacking and not '\0')
        {
            throw new FormatException($"byte {Bytes[lacking]} has no id");
        }

        EndId = vocabulary.TryGetValue(EndOfText, out var end)
            ? end
            : throw new FormatException($"it has no {EndOfText}");
        (ids, this.ranks) = (vocabulary.GetAlternateLookup<ReadOnlySpan<char>>(), ranks);
    }

    /// <inheritdoc/>
    public override int BeginId => EndId;

    /// <inheritdoc/>
    public override int EndId { get; }

    /// <inheritdoc/>
    public override int VocabularySize => pieces.Length;

    /// <exception cref="CheckpointException">A file is damaged.</exception>
    public static ByteLevelTokenizer Read(string vocabularyPath, string mergesPath)
    {
        try
        {
            var vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(
                File.ReadAllBytes(vocabularyPath)) ?? throw new FormatException("it is empty");
            var ranks = new Dictionary<(string, string), int>();
            foreach (var line in File.ReadLines(mergesPath).Where(line =>
                line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)))
            {
                if (line.Split(' ') is not [var left, var right])
                    throw new FormatException($"line {ranks.Count + 1} of the merges is not a pair");
                ranks.TryAdd((left, right), ranks.Count);
            }

            return new(vocabulary, ranks);
        }
        catch (Exception error) when (error is JsonException or FormatException or DecoderFallbackException)
        {
            throw new CheckpointException(
                vocabularyPath,
                $"it is not a vocabulary of GPT-2's form ({error.Message})",
                "fetch it and merges.txt again",
                error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                vocabularyPath, $"it or merges.txt cannot be read ({error.Message})", "check their permissions", error);
        }
    }

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addBegin = true)
    {
        var found = new List<int>();
        if (addBegin)
        {
            found.Add(BeginId);
        }

        foreach (var word in Words(text))
        {
            var spelled = string.Concat(Encoding.UTF8.GetBytes(word).Select(single => Printable[single]));
            foreach (var piece in BytePairs.Merge(spelled, Rank))
            {
                found.Add(ids[spelled.AsSpan()[piece]]);
            }
        }

        return [.. found];
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids) => Encoding.UTF8.GetString([.. ids
        .Where(id => id != EndId)
        .SelectMany(id => (uint)id < pieces.Length ? pieces[id] : throw Unknown(id))
        .Select(single => Bytes[single])]);

    private double? Rank(ReadOnlySpan<char> pair, int split) =>
        ranks.TryGetValue((pair[..split].ToString(), pair[split..].ToString()), out var rank) && ids.ContainsKey(pair)
            ? rank : null;

    /// <summary>
    /// GPT-2's pattern <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>, over code
    /// points: .NET's expressions take the halves of a surrogate pair for characters.
    /// </summary>
    private static IEnumerable<string> Words(string text)
    {
        var runes = text.EnumerateRunes().ToArray();
        for (var start = 0; start < runes.Length;)
        {
            var end = End(runes, start);
            yield return string.Concat(runes[start..end]);
            start = end;
        }
    }

    private static int End(Rune[] runes, int start)
    {
        var contraction = Contractions.FirstOrDefault(word => word.Length <= runes.Length - start
            && word.Index().All(pair => runes[start + pair.Index].Value == pair.Item));
        if (contraction is not null)
        {
            return start + contraction.Length;
        }

        var first = runes[start].Value == ' ' && start + 1 < runes.Length && KindOf(runes[start + 1]) != Kind.Space
            ? start + 1 : start;
        var (kind, end) = (KindOf(runes[first]), first + 1);
        while (end < runes.Length && KindOf(runes[end]) == kind)
        {
            end++;
        }

        // The last of several spaces belongs to the word behind them.
        return kind == Kind.Space && end < runes.Length && end - start > 1 ? end - 1 : end;
    }

    private static Kind KindOf(Rune rune) =>
        Rune.IsWhiteSpace(rune) ? Kind.Space
        : Rune.IsLetter(rune) ? Kind.Letter
        : Rune.GetUnicodeCategory(rune) is UnicodeCategory.DecimalDigitNumber
            or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber ? Kind.Number
        : Kind.Other;

    /// <summary>
    /// GPT-2's characters for the 256 bytes: printable ones stand for themselves, others for characters from U+0100 on.
    /// </summary>
    private static char[] PrintableBytes()
    {
        var next = 256;
        return [.. Enumerable.Range(0, 256).Select(value =>
            value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? (char)value : (char)next++)];
    }

    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }
}
