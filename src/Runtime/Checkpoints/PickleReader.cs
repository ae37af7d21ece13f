using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Marrow.Checkpoints;

/// <summary>
/// Reads the part of Python's pickle format that PyTorch's checkpoints of tensors use, as data: nothing is imported or
/// called. A function that a pickle names becomes a <see cref="PickledCall"/>, which says what it would have been
/// called with.
/// </summary>
internal sealed class PickleReader
{
    private static readonly object Mark = new();

    private readonly byte[] bytes;
    private readonly Dictionary<long, object?> memo = [];
    private readonly List<object?> stack = [];
    private int position;

    private PickleReader(byte[] bytes) => this.bytes = bytes;

    /// <summary>
    /// The pickled value: null, bool, long, double, string, byte[], object?[] (tuple), List, Dictionary, or one of the
    /// records below.
    /// </summary>
    /// <exception cref="FormatException">It is no pickle, or uses more than tensors need.</exception>
    public static object? Read(byte[] bytes) => new PickleReader(bytes).Run();

    private object? Run()
    {
        while (true)
        {
            var code = Byte();
            switch ((char)code)
            {
                case '\x80': // PROTO
                    if (Byte() is var protocol and > 5)
                    {
                        throw Fault($"protocol {protocol} is not known");
                    }

                    break;
                case '\x95': // FRAME
                    Take(8);
                    break;
                case '.': // STOP
                    return Pop();
                case '(':
                    stack.Add(Mark);
                    break;
                case '0':
                    Pop();
                    break;
                case 'N':
                    stack.Add(null);
                    break;
                case '\x88':
                    stack.Add(true);
                    break;
                case '\x89':
                    stack.Add(false);
                    break;
                case 'K':
                    stack.Add((long)Byte());
                    break;
                case 'M':
                    stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                    break;
                case 'J':
                    stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                    break;
                case '\x8a': // LONG1
                    stack.Add(Long(Take(Byte())));
                    break;
                case 'G':
                    stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                    break;
                case 'X':
                    stack.Add(Text(Take(Length(4))));
                    break;
                case '\x8c':
                    stack.Add(Text(Take(Byte())));
                    break;
                case 'B':
                    stack.Add(Take(Length(4)).ToArray());
                    break;
                case 'C':
                    stack.Add(Take(Byte()).ToArray());
                    break;
                case ')':
                    stack.Add(Array.Empty<object?>());
                    break;
                case '\x85':
                    stack.Add(PopMany(1));
                    break;
                case '\x86':
                    stack.Add(PopMany(2));
                    break;
                case '\x87':
                    stack.Add(PopMany(3));
                    break;
                case 't':
                    stack.Add(PopToMark());
                    break;
                case ']':
                    stack.Add(new List<object?>());
                    break;
                case 'l':
                    stack.Add(new List<object?>(PopToMark()));
                    break;
                case 'a':
                    var item = Pop();
                    Top<List<object?>>("a list").Add(item);
                    break;
                case 'e':
                    var items = PopToMark();
                    Top<List<object?>>("a list").AddRange(items);
                    break;
                case '}':
                    stack.Add(new Dictionary<object, object?>());
                    break;
                case 's':
                    var pair = PopMany(2);
                    Set(Top<Dictionary<object, object?>>("a dictionary"), pair);
                    break;
                case 'u':
                    var pairs = PopToMark();
                    Set(Top<Dictionary<object, object?>>("a dictionary"), pairs);
                    break;
                case 'q':
                    memo[Byte()] = Peek();
                    break;
                case 'r':
                    memo[Length(4)] = Peek();
                    break;
                case '\x94': // MEMOIZE
                    memo[memo.Count] = Peek();
                    break;
                case 'h':
                    stack.Add(Recall(Byte()));
                    break;
                case 'j':
                    stack.Add(Recall(Length(4)));
                    break;
                case 'c':
                    stack.Add(new PickledName(Line(), Line()));
                    break;
                case '\x93': // STACK_GLOBAL
                    stack.Add(PopMany(2) is [string module, string name]
                        ? new PickledName(module, name)
                        : throw Fault("a name is no text"));
                    break;
                case 'Q':
                    stack.Add(new PickledReference(Pop()));
                    break;
                case 'R':
                    var arguments = Pop() as object?[] ?? throw Fault("arguments are no tuple");
                    stack.Add(Call(Pop() as PickledName ?? throw Fault("something that is no name is called"),
                        arguments));
                    break;
                case 'b':
                    Pop(); // an attribute of a dictionary, such as _metadata
                    if (Peek() is not Dictionary<object, object?>)
                    {
                        throw Fault("it builds an object other than a dictionary");
                    }

                    break;
                default:
                    throw Fault(string.Create(
                        CultureInfo.InvariantCulture, $"operation 0x{code:x2} is not one that tensors need"));
            }
        }
    }

    private static object Call(PickledName function, object?[] arguments) =>
        function is ("collections", "OrderedDict") && arguments.Length == 0
            ? new Dictionary<object, object?>()
            : new PickledCall(function, arguments);

    private void Set(Dictionary<object, object?> target, object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
        {
            throw Fault("a dictionary has a key without a value");
        }

        for (var i = 0; i < pairs.Length; i += 2)
        {
            target[pairs[i] is string or long ? pairs[i]! : throw Fault("a key is neither text nor a number")] =
                pairs[i + 1];
        }
    }

    private object? Recall(long key) =>
        memo.TryGetValue(key, out var value) ? value : throw Fault($"it recalls {key}, which it has not stored");

    private object? Peek() => stack.Count > 0 && stack[^1] != Mark ? stack[^1] : throw Fault("its stack is empty");

    private T Top<T>(string what)
        where T : class => Peek() as T ?? throw Fault($"it adds to something that is not {what}");

    private object? Pop()
    {
        var value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private object?[] PopMany(int count)
    {
        var values = new object?[count];
        for (var i = count - 1; i >= 0; i--)
        {
            values[i] = Pop();
        }

        return values;
    }

    private object?[] PopToMark()
    {
        var at = stack.LastIndexOf(Mark);
        if (at < 0)
        {
            throw Fault("a mark is missing");
        }

        var values = stack.GetRange(at + 1, stack.Count - at - 1).ToArray();
        stack.RemoveRange(at, stack.Count - at);
        return values;
    }

    private byte Byte() => Take(1)[0];

    private int Length(int size)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(Take(size));
        return length <= int.MaxValue ? (int)length : throw Fault($"it claims a length of {length}");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - position)
        {
            throw Fault("it ends in the middle");
        }

        position += count;
        return bytes.AsSpan(position - count, count);
    }

    private string Line()
    {
        var end = bytes.AsSpan(position).IndexOf((byte)'\n');
        var text = end < 0 ? throw Fault("a name does not end") : Text(Take(end));
        Take(1);
        return text;
    }

    private string Text(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(utf8);
        }
        catch (ArgumentException)
        {
            throw Fault("a text is not UTF-8");
        }
    }

    private long Long(ReadOnlySpan<byte> little)
    {
        if (little.Length > sizeof(long))
        {
            throw Fault("a number is too long");
        }

        var value = little.Length > 0 && little[^1] >= 0x80 ? -1L : 0;
        for (var i = little.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | little[i];
        }

        return value;
    }

    private FormatException Fault(string what) => new($"at byte {position} of its pickle, {what}");
}

/// <summary>A function or class that a pickle names.</summary>
internal sealed record PickledName(string Module, string Name);

/// <summary>A call that a pickle asks for.</summary>
internal sealed record PickledCall(PickledName Function, object?[] Arguments);

/// <summary>Something that lies outside the pickle.</summary>
internal sealed record PickledReference(object? Id);
