using Google.Protobuf;

namespace Marrow.Tokenizers;

/// <summary>The fields of one protobuf message by number; of a repeated one the last.</summary>
internal sealed class ProtobufFields
{
    private readonly Dictionary<int, long> numbers = [];
    private readonly Dictionary<int, float> floats = [];
    private readonly Dictionary<int, ByteString> texts = [];

    /// <exception cref="InvalidProtocolBufferException">The bytes are no message.</exception>
    public static ProtobufFields Read(ByteString message)
    {
        var fields = new ProtobufFields();
        var input = message.CreateCodedInput();
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            var field = WireFormat.GetTagFieldNumber(tag);
            switch (WireFormat.GetTagWireType(tag))
            {
                case WireFormat.WireType.Varint:
                    fields.numbers[field] = (long)input.ReadUInt64();
                    break;
                case WireFormat.WireType.Fixed32:
                    fields.floats[field] = input.ReadFloat();
                    break;
                case WireFormat.WireType.LengthDelimited:
                    fields.texts[field] = input.ReadBytes();
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }
        return fields;
    }

    public long Number(int field, long otherwise) => numbers.GetValueOrDefault(field, otherwise);

    public float Float(int field) => floats.GetValueOrDefault(field);

    public string Text(int field, string otherwise) =>
        texts.TryGetValue(field, out var text) ? text.ToStringUtf8() : otherwise;
}
