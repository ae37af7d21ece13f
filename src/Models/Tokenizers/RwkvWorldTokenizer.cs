using System.Globalization;
using System.Text;

namespace Marrow.Tokenizers;

/// <summary>
/// RWKV's World tokenizer: at every byte, the longest token that matches. Id 0 stands for no text and ends one.
/// </summary>
internal sealed class RwkvWorldTokenizer : Tokenizer
{
    private readonly Dictionary<int, byte[]> tokens;
    private readonly Node root = new();

    private RwkvWorldTokenizer(Dictionary<int, byte[]> tokens)
    {
        this.tokens = tokens;
        VocabularySize = tokens.Keys.Max() + 1;
        foreach (var (id, bytes) in tokens)
        {
            var node = root;
            foreach (var single in bytes)
            {
                node = (node.Next ??= new Node[256])[single] ??= new Node();
            }

            node.Id = id;
        }
    }

    /// <inheritdoc/>
    public override int? BeginId => null;

    /// <inheritdoc/>
    public override int EndId => 0;

    /// <inheritdoc/>
    public override int VocabularySize { get; }

    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static RwkvWorldTokenizer Read(string path)
    {
        try
        {
            var tokens = new Dictionary<int, byte[]>();
            foreach (var (number, line) in File.ReadLines(
                path, new UTF8Encoding(false, throwOnInvalidBytes: true)).Index())
            {
                var (id, bytes) = Parse(line, number + 1);
                if (!tokens.TryAdd(id, bytes))
                {
                    throw new FormatException($"line {number + 1} repeats id {id}");
                }
            }

            var singles = tokens.Values.Where(bytes => bytes.Length == 1).Select(bytes => bytes[0]).ToHashSet();
            return singles.Count == 256
                ? new(tokens)
                : throw new FormatException($"only {singles.Count} of the 256 bytes have a token");
        }
        catch (Exception error) when (error is FormatException or DecoderFallbackException or OverflowException)
        {
            throw new CheckpointException(
                path, $"it is no RWKV World vocabulary ({error.Message})", "fetch it again", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"it cannot be read ({error.Message})", "check its permissions", error);
        }
    }

    /// <inheritdoc/>
    public override int[] Encode(string text, bool addBegin = true)
    {
        var ids = new List<int>();
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var start = 0; start < bytes.Length;)
        {
            var (node, end, id) = (root, start, 0);
            for (var at = start; at < bytes.Length && node.Next?[bytes[at]] is { } next; at++)
            {
                node = next;
                (end, id) = node.Id > 0 ? (at + 1, node.Id) : (end, id);
            }

            ids.Add(id);
            start = end;
        }

        return [.. ids];
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids, bool keepSpecial = false) => Encoding.UTF8.GetString([.. ids
        .SelectMany(id => tokens.GetValueOrDefault(Checked(id), []))]);

    /// <summary>A line is an id, a Python literal of text or bytes, and its length in bytes.</summary>
    private static (int Id, byte[] Bytes) Parse(string line, int number)
    {
        var (first, last) = (line.IndexOf(' ', StringComparison.Ordinal), line.LastIndexOf(' '));
        if (first < 1 || last <= first + 1
            || !int.TryParse(line.AsSpan(0, first), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || id == 0
            || !int.TryParse(line.AsSpan(last + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            throw new FormatException($"line {number} is not an id, a literal and a length");
        }

        var bytes = Literal(line[(first + 1)..last], number);
        return bytes.Length == length && length > 0
            ? (id, bytes)
            : throw new FormatException($"line {number} has {bytes.Length} bytes and claims {length}");
    }

    private static byte[] Literal(string literal, int number)
    {
        var isBytes = literal[0] == 'b';
        var quoted = isBytes ? literal[1..] : literal;
        if (quoted.Length < 2 || quoted[0] is not ('\'' or '"') || quoted[^1] != quoted[0])
        {
            throw Broken();
        }

        var bytes = new List<byte>();
        var inner = quoted[1..^1];
        for (var i = 0; i < inner.Length;)
        {
            var rune = Rune.GetRuneAt(inner, i);
            i += rune.Utf16SequenceLength;
            if (rune.Value == '\\')
            {
                rune = Escaped(inner, ref i);
            }

            if (isBytes)
            {
                bytes.Add(rune.Value < 256 ? (byte)rune.Value : throw Broken());
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(rune.ToString()));
            }
        }

        return [.. bytes];

        Rune Escaped(string text, ref int at)
        {
            var kind = at < text.Length ? text[at++] : throw Broken();
            var digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0)
            {
                at += digits;
                return at <= text.Length && int.TryParse(text.AsSpan(at - digits, digits),
                    NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) && Rune.IsValid(code)
                    ? new Rune(code)
                    : throw Broken();
            }

            return new Rune(kind switch
            {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' or '\'' or '"' => kind,
                _ => throw Broken(),
            });
        }

        FormatException Broken() => new($"line {number} has a broken literal");
    }

    private sealed class Node
    {
        public Node?[]? Next;
        public int Id;
    }
}
