using Google.Protobuf;

namespace Marrow.Onnx;

/// <summary>A protobuf message to be written: its fields, in their order.</summary>
internal sealed class OnnxMessage
{
    private const uint Varint = 0, LengthDelimited = 2, Fixed32 = 5;
    private readonly List<(int Number, object Value)> fields = [];

    /// <summary>Adds a field.</summary>
    /// <param name="number">Its number in onnx.proto.</param>
    /// <param name="value">A long, float, string, byte[] or message.</param>
    public OnnxMessage Add(int number, object value)
    {
        fields.Add((number, value));
        return this;
    }

    /// <summary>Adds a field several times.</summary>
    public OnnxMessage AddEach(int number, IEnumerable<object> values)
    {
        fields.AddRange(values.Select(value => (number, value)));
        return this;
    }

    /// <summary>Bytes of the message.</summary>
    public long Size() => fields.Sum(field =>
    {
        var size = field.Value switch
        {
            long value => CodedOutputStream.ComputeInt64Size(value),
            float => sizeof(float),
            string text => CodedOutputStream.ComputeStringSize(text),
            byte[] bytes => WithLength(bytes.LongLength),
            OnnxMessage message => WithLength(message.Size()),
            var other => throw Unknown(other),
        };
        return CodedOutputStream.ComputeTagSize(field.Number) + size;
    });

    /// <summary>Writes the fields; at most 2 GB.</summary>
    public void WriteTo(CodedOutputStream output)
    {
        foreach (var (number, value) in fields)
        {
            var kind = value switch { long => Varint, float => Fixed32, _ => LengthDelimited };
            output.WriteTag(((uint)number << 3) | kind);
            switch (value)
            {
                case long integer:
                    output.WriteInt64(integer);
                    break;
                case float real:
                    output.WriteFloat(real);
                    break;
                case string text:
                    output.WriteString(text);
                    break;
                case byte[] bytes:
                    output.WriteBytes(UnsafeByteOperations.UnsafeWrap(bytes));
                    break;
                case OnnxMessage message:
                    output.WriteLength((int)message.Size());
                    message.WriteTo(output);
                    break;
                default:
                    throw Unknown(value);
            }
        }
    }

    private static long WithLength(long size) => CodedOutputStream.ComputeUInt64Size((ulong)size) + size;

    private static ArgumentException Unknown(object value) => new($"No field of ONNX holds a {value.GetType().Name}.");
}
