using System.Text.Json;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>
/// The JSON header of a safetensors file, read strictly: what the format forbids is an error that says where, and no
/// allocation exceeds a small multiple of the header's own size.
/// </summary>
internal sealed class SafetensorsHeader
{
    private const string Metadata = "__metadata__";
    private const string Remedy = "the file is damaged or was not written by safetensors, so fetch or save it again";
    private const int MostDimensions = 64;

    private readonly string path;
    private readonly Dictionary<string, TensorInfo> tensors = [];
    private Dictionary<string, string>? metadata;

    private SafetensorsHeader(string path) => this.path = path;

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

    /// <summary>Free-form strings; empty if the file has none.</summary>
    public IReadOnlyDictionary<string, string> Strings => metadata ?? [];

    /// <param name="path">For messages.</param>
    /// <param name="json">The header, padding included.</param>
    /// <param name="dataLength">Bytes that follow the header.</param>
    /// <exception cref="CheckpointException">Any violation of the format.</exception>
    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataLength)
    {
        var header = new SafetensorsHeader(path);
        if (json.IsEmpty || json[0] != '{') throw header.Invalid("the header does not start with '{'");
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            header.ReadEntries(ref reader);
            while (reader.Read()) { } // anything but white space behind the object throws
        }
        catch (JsonException error)
        {
            throw header.Invalid(
                $"the header is not valid JSON (line {error.LineNumber + 1}, byte {error.BytePositionInLine})", error);
        }
        catch (InvalidOperationException error)
        {
            // Utf8JsonReader's answer to bytes or escapes that are no Unicode text.
            throw header.Invalid("the header holds a string that is not valid Unicode", error);
        }
        header.CheckCoverage(dataLength);
        return header;
    }

    private void ReadEntries(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (name == Metadata)
            {
                if (metadata is not null) throw Invalid($"{Metadata} appears twice");
                metadata = ReadMetadata(ref reader);
            }
            else if (!tensors.TryAdd(name, ReadTensor(ref reader, name)))
            {
                throw Invalid($"tensor {CheckpointException.Quote(name)} appears twice");
            }
        }
    }

    private Dictionary<string, string> ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Invalid($"{Metadata} is not an object");
        var strings = new Dictionary<string, string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Invalid($"{Metadata} entry {CheckpointException.Quote(name)} is not a string");
            if (!strings.TryAdd(name, reader.GetString()!))
                throw Invalid($"{Metadata} entry {CheckpointException.Quote(name)} appears twice");
        }
        return strings;
    }

    private TensorInfo ReadTensor(ref Utf8JsonReader reader, string name)
    {
        var where = $"tensor {CheckpointException.Quote(name)}";
        if (reader.TokenType != JsonTokenType.StartObject) throw Invalid($"{where} is not an object");
        string? typeName = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString()!;
            reader.Read();
            var repeated = field switch
            {
                "dtype" => Exchange(ref typeName, ReadString(ref reader, where)) is not null,
                "shape" => Exchange(ref shape, ReadSizes(ref reader, MostDimensions, $"{where}: shape")) is not null,
                "data_offsets" => Exchange(ref offsets, ReadSizes(ref reader, 2, $"{where}: data_offsets")) is not null,
                _ => throw Invalid($"{where} has an unknown field {CheckpointException.Quote(field)}"),
            };
            if (repeated) throw Invalid($"{where} has the field {field} twice");
        }
        if (typeName is null || shape is null || offsets is null)
            throw Invalid($"{where} lacks dtype, shape or data_offsets");
        if (SafetensorsType.Parse(typeName) is not { } type)
            throw new CheckpointException(
                path,
                $"{where} has dtype {CheckpointException.Quote(typeName)}, which is not supported",
                $"store it as one of {SafetensorsType.All}");
        if (offsets is not [var begin, var end] || begin > end)
            throw Invalid($"{where}: data_offsets is not [begin, end] with begin ≤ end");
        if (ByteCount(shape, type) is not { } bytes)
            throw Invalid($"{where}: shape [{string.Join(", ", shape)}] overflows");
        if (bytes != end - begin)
            throw Invalid(
                $"{where}: shape [{string.Join(", ", shape)}] of {typeName} takes {bytes} bytes, "
                + $"data_offsets span {end - begin}");
        return new(name, type, shape, bytes) { Begin = begin };
    }

    private string ReadString(ref Utf8JsonReader reader, string where) =>
        reader.TokenType == JsonTokenType.String
            ? reader.GetString()!
            : throw Invalid($"{where}: dtype is not a string");

    private long[] ReadSizes(ref Utf8JsonReader reader, int most, string where)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Invalid($"{where} is not an array");
        var sizes = new List<long>(4);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var size) || size < 0)
                throw Invalid($"{where} holds something other than integers from 0 to {long.MaxValue}");
            if (sizes.Count == most) throw Invalid($"{where} has more than {most} entries");
            sizes.Add(size);
        }
        return [.. sizes];
    }

    /// <summary>Null on overflow; sizes of zero count as one there, as torch computes strides from them.</summary>
    private static long? ByteCount(long[] shape, ScalarType type)
    {
        try
        {
            var (count, strides) = (checked((long)SafetensorsType.Size(type)), 1L);
            foreach (var size in shape)
            {
                count = checked(count * size);
                strides = checked(strides * Math.Max(size, 1));
            }
            return count;
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    /// <summary>
    /// The tensors must cover the data exactly: nothing outside, nothing twice, nothing hidden in between.
    /// </summary>
    private void CheckCoverage(long dataLength)
    {
        var position = 0L;
        foreach (var tensor in tensors.Values.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.ByteCount))
        {
            var where = $"tensor {CheckpointException.Quote(tensor.Name)}";
            if (tensor.Begin < position)
                throw Invalid($"{where} overlaps the tensor before it at data byte {tensor.Begin}");
            if (tensor.Begin > position)
                throw Invalid($"there is a gap before {where}, data bytes {position} to {tensor.Begin}");
            position += tensor.ByteCount;
            if (position > dataLength)
                throw Invalid($"{where} ends at data byte {position}, but the file has {dataLength}: it is cut off");
        }
        if (position < dataLength) throw Invalid($"{dataLength - position} bytes follow the last tensor");
    }

    private CheckpointException Invalid(string problem, Exception? cause = null) => new(path, problem, Remedy, cause);

    private static T? Exchange<T>(ref T? target, T value) where T : class
    {
        var before = target;
        target = value;
        return before;
    }
}
