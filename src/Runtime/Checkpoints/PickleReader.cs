using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Marrow.Checkpoints;

/// <summary>
/// Reads Python's pickle format as data: nothing is imported or called. What a pickle would call, or build an object
/// of, becomes a <see cref="PickledCall"/>, which says with what; so does whatever else lies beside a checkpoint's
/// tensors.
/// </summary>
internal sealed class PickleReader
{
    /// <summary>Bytes that a pickle of tensors' names may have.</summary>
    public const long LongestPickle = 100_000_000;

    private static readonly object Mark = new();
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly Stream source;
    private readonly long end;
    private readonly Dictionary<long, object?> memo = [];
    private readonly List<object?> stack = [];
    private readonly List<PickledReference> references = [];
    private byte[] buffer = new byte[256];
    private long position;

    private PickleReader(Stream source)
    {
        this.source = source;
        position = source.Position;
        end = Math.Min(source.Length, position + LongestPickle);
    }

    /// <summary>
    /// The next pickle of a stream: null, bool, long, BigInteger, double, string, byte[], object?[] (tuple), List,
    /// Dictionary, or one of the records below; and everything that it refers to outside of itself.
    /// </summary>
    /// <exception cref="FormatException">It is no pickle.</exception>
    public static (object? Value, IReadOnlyList<PickledReference> References) Read(Stream source)
    {
        var reader = new PickleReader(source);
        return (reader.Run(), reader.references);
    }

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
                default:
                    if (!Constant((char)code) && !Container((char)code) && !Stored((char)code) && !Named((char)code))
                    {
                        throw Fault(string.Create(
                            CultureInfo.InvariantCulture, $"operation 0x{code:x2} is not one that data needs"));
                    }

                    break;
            }
        }
    }

    /// <summary>Numbers and texts.</summary>
    private bool Constant(char code)
    {
        stack.Add(code switch
        {
            'N' => null,
            '\x88' => true,
            '\x89' => false,
            'K' => (long)Byte(),
            'M' => (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
            'J' => (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
            '\x8a' => Integer(Take(Byte())), // LONG1
            '\x8b' => Integer(Take(Length(4))), // LONG4
            'I' => Line() switch { "00" => false, "01" => true, var digits => Integer(digits) },
            'L' => Integer(Line().TrimEnd('L')),
            'G' => BinaryPrimitives.ReadDoubleBigEndian(Take(8)),
            'F' => double.TryParse(Line(), CultureInfo.InvariantCulture, out var real)
                ? real
                : throw Fault("a number is none"),
            'X' => Text(Take(Length(4))), // BINUNICODE
            '\x8c' => Text(Take(Byte())), // SHORT_BINUNICODE
            '\x8d' => Text(Take(Length(8))), // BINUNICODE8
            'V' => Line(), // UNICODE
            'S' => Line().Trim('\'', '"'), // STRING
            'T' => Encoding.Latin1.GetString(Take(Length(4))), // BINSTRING, of Python 2
            'U' => Encoding.Latin1.GetString(Take(Byte())), // SHORT_BINSTRING
            'B' => Take(Length(4)).ToArray(),
            'C' => Take(Byte()).ToArray(),
            '\x8e' or '\x96' => Take(Length(8)).ToArray(), // BINBYTES8, BYTEARRAY8
            _ => Mark,
        });
        if (stack[^1] != Mark)
        {
            return true;
        }

        stack.RemoveAt(stack.Count - 1);
        return false;
    }

    /// <summary>Tuples, lists, dictionaries and sets.</summary>
    private bool Container(char code)
    {
        switch (code)
        {
            case '(':
                stack.Add(Mark);
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
            case 't' or '\x91': // TUPLE, FROZENSET
                stack.Add(PopToMark());
                break;
            case ']' or '\x8f': // EMPTY_LIST, EMPTY_SET
                stack.Add(new List<object?>());
                break;
            case 'l':
                stack.Add(new List<object?>(PopToMark()));
                break;
            case 'a':
                var item = Pop();
                Append([item]);
                break;
            case 'e' or '\x90': // APPENDS, ADDITEMS
                Append(PopToMark());
                break;
            case '}':
                stack.Add(new Dictionary<object, object?>());
                break;
            case 'd':
                var members = PopToMark();
                stack.Add(new Dictionary<object, object?>());
                Set(members);
                break;
            case 's':
                Set(PopMany(2));
                break;
            case 'u':
                Set(PopToMark());
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>What is taken from the stack, or put on it a second time.</summary>
    private bool Stored(char code)
    {
        switch (code)
        {
            case '0':
                Pop();
                break;
            case '1': // POP_MARK
                PopToMark();
                break;
            case '2': // DUP
                stack.Add(Peek());
                break;
            case 'q':
                memo[Byte()] = Peek();
                break;
            case 'r':
                memo[Length(4)] = Peek();
                break;
            case 'p': // PUT
                memo[Place()] = Peek();
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
            case 'g': // GET
                stack.Add(Recall(Place()));
                break;
            default:
                return false;
        }

        return true;
    }

    /// <summary>Names, and what would be made by calling them.</summary>
    private bool Named(char code)
    {
        switch (code)
        {
            case 'c':
                stack.Add(new PickledName(Line(), Line()));
                break;
            case '\x93': // STACK_GLOBAL
                stack.Add(PopMany(2) is [string module, string name]
                    ? new PickledName(module, name)
                    : throw Fault("a name is no text"));
                break;
            case 'Q': // BINPERSID
                Refer(Pop());
                break;
            case 'P': // PERSID
                Refer(Line());
                break;
            case 'R' or '\x81': // REDUCE, NEWOBJ
                var arguments = Pop() as object?[] ?? throw Fault("arguments are no tuple");
                Call(Pop(), arguments);
                break;
            case '\x92': // NEWOBJ_EX
                var named = PopMany(3);
                Call(named[0], [named[1], named[2]]);
                break;
            case 'i': // INST
                var type = new PickledName(Line(), Line());
                Call(type, PopToMark());
                break;
            case 'o': // OBJ
                var parts = PopToMark();
                Call(parts.Length > 0 ? parts[0] : null, parts.Length > 0 ? parts[1..] : []);
                break;
            case 'b': // BUILD: attributes of an object, or of a dictionary, such as _metadata
                Pop();
                if (Peek() is not (Dictionary<object, object?> or PickledCall))
                {
                    throw Fault("it builds what is no object");
                }

                break;
            default:
                return false;
        }

        return true;
    }

    private void Call(object? function, object?[] arguments) => stack.Add(function switch
    {
        PickledName { Module: "collections", Name: "OrderedDict" or "defaultdict" } when arguments.Length <= 1 =>
            new Dictionary<object, object?>(),
        PickledName name => new PickledCall(name, arguments),
        _ => throw Fault("something that is no name is called"),
    });

    private void Refer(object? id)
    {
        var reference = new PickledReference(id);
        references.Add(reference);
        stack.Add(reference);
    }

    /// <summary>Adds to a list; what objects of other classes hold is of no use.</summary>
    private void Append(object?[] items)
    {
        switch (Peek())
        {
            case List<object?> list:
                list.AddRange(items);
                break;
            case PickledCall:
                break;
            default:
                throw Fault("it adds to something that is not a list");
        }
    }

    private void Set(object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
        {
            throw Fault("a dictionary has a key without a value");
        }

        if (Peek() is PickledCall)
        {
            return;
        }

        var target = Peek() as Dictionary<object, object?> ?? throw Fault(
            "it adds to something that is not a dictionary");
        for (var i = 0; i < pairs.Length; i += 2)
        {
            target[pairs[i] is string or long ? pairs[i]! : new PickledKey(pairs[i])] = pairs[i + 1];
        }
    }

    private object? Recall(long key) =>
        memo.TryGetValue(key, out var value) ? value : throw Fault($"it recalls {key}, which it has not stored");

    private long Place() => long.TryParse(Line(), CultureInfo.InvariantCulture, out var place)
        ? place
        : throw Fault("a place is no number");

    private object? Peek() => stack.Count > 0 && stack[^1] != Mark ? stack[^1] : throw Fault("its stack is empty");

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
        var length = size == 8
            ? BinaryPrimitives.ReadUInt64LittleEndian(Take(size))
            : BinaryPrimitives.ReadUInt32LittleEndian(Take(size));
        return length <= int.MaxValue ? (int)length : throw Fault($"it claims a length of {length}");
    }

    /// <summary>The next bytes, which are there until the next call.</summary>
    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > end - position)
        {
            throw Fault("it ends in the middle");
        }

        if (count > buffer.Length)
        {
            buffer = new byte[count];
        }

        source.ReadExactly(buffer, 0, count);
        position += count;
        return buffer.AsSpan(0, count);
    }

    private string Line()
    {
        var line = new List<byte>();
        while (Byte() is var next && next != '\n')
        {
            line.Add(next);
        }

        return Text([.. line]);
    }

    private string Text(ReadOnlySpan<byte> utf8)
    {
        try
        {
            return Utf8.GetString(utf8);
        }
        catch (ArgumentException)
        {
            throw Fault("a text is not UTF-8");
        }
    }

    private static object Integer(ReadOnlySpan<byte> little) => Integer(new BigInteger(little));

    private object Integer(string digits) =>
        BigInteger.TryParse(digits, CultureInfo.InvariantCulture, out var value) && digits.Length < 1000
            ? Integer(value)
            : throw Fault("a number is none");

    private static object Integer(BigInteger value) =>
        value >= long.MinValue && value <= long.MaxValue ? (long)value : value;

    private FormatException Fault(string what) => new($"at byte {position} of its pickle, {what}");
}

/// <summary>A function or class that a pickle names.</summary>
internal sealed record PickledName(string Module, string Name)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>A call that a pickle asks for, or an object of a class.</summary>
internal sealed record PickledCall(PickledName Function, object?[] Arguments);

/// <summary>Something that lies outside the pickle.</summary>
internal sealed record PickledReference(object? Id);

/// <summary>A key that is neither text nor a number.</summary>
internal sealed record PickledKey(object? Value);
