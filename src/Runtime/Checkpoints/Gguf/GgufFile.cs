using System.Globalization;
using System.Text;
using static TorchSharp.torch;

namespace Marrow.Checkpoints.Gguf;

/// <summary>
/// A GGUF file. Its tensors have their own names here; <see cref="GgufCheckpoint"/> gives those of Hugging Face's
/// libraries.
/// </summary>
internal sealed class GgufFile : IDisposable
{
    private const int ChunkWeights = 1 << 20;
    private const long MostEntries = 1 << 20, LongestText = 1 << 24;

    private readonly FileStream stream;
    private readonly long data;

    private GgufFile(string path, FileStream stream)
    {
        (Path, this.stream) = (path, stream);
        using var reader = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        if (reader.ReadUInt32() != GgufWriter.Magic || reader.ReadUInt32() is not (2 or GgufWriter.Version))
        {
            throw Damaged("it is no GGUF file of version 2 or 3");
        }

        var (tensors, entries) = (Count(reader), Count(reader));
        var metadata = new Dictionary<string, object>();
        for (var i = 0; i < entries; i++)
        {
            metadata[Text(reader)] = Value(reader, (GgufValueType)reader.ReadInt32(), depth: 0);
        }

        Metadata = metadata;
        var found = new Dictionary<string, GgufTensorInfo>();
        for (var i = 0; i < tensors; i++)
        {
            var info = Info(reader);
            if (!found.TryAdd(info.Name, info))
            {
                throw Damaged($"tensor {CheckpointException.Quote(info.Name)} appears twice");
            }
        }

        Tensors = found;
        var alignment = Metadata.GetValueOrDefault("general.alignment") is uint own and > 0
            ? own
            : GgufWriter.Alignment;
        data = (stream.Position + alignment - 1) / alignment * alignment;
        if (found.Values.FirstOrDefault(info => info.Offset < 0 || info.Offset > stream.Length - data - info.Bytes)
            is { } outside)
        {
            throw Damaged($"tensor {CheckpointException.Quote(outside.Name)} lies beyond the end of the file");
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Numbers, texts, truth values and arrays of them, by key.</summary>
    public IReadOnlyDictionary<string, object> Metadata { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, GgufTensorInfo> Tensors { get; }

    /// <summary>Whether a file begins as GGUF files do.</summary>
    public static bool IsOne(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            Span<byte> magic = stackalloc byte[4];
            return stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("GGUF"u8);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Opens a file and checks its description.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or is no such file.</exception>
    public static GgufFile Open(string path)
    {
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return new GgufFile(path, stream);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or OverflowException
            or DecoderFallbackException or ArgumentException)
        {
            stream?.Dispose();
            throw error is EndOfStreamException or OverflowException or DecoderFallbackException or ArgumentException
                ? new CheckpointException(path, "its description is cut off or damaged", "fetch it again", error)
                : new CheckpointException(
                    path, $"it cannot be read ({error.Message})", "check the path and its permissions", error);
        }
        catch
        {
            stream?.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's weights as 32-bit floats on the CPU; the caller owns it.</summary>
    public Tensor Read(string name)
    {
        var info = Tensors[name];
        var result = empty([.. info.Shape], ScalarType.Float32);
        var count = result.numel();
        using var flat = result.view(-1);
        lock (stream)
        {
            stream.Position = data + info.Offset;
            for (var start = 0L; start < count; start += ChunkWeights)
            {
                var length = (int)Math.Min(ChunkWeights, count - start);
                var stored = new byte[GgufBlocks.Bytes(info.Type, length)];
                stream.ReadExactly(stored);
                var values = new float[length];
                GgufBlocks.Decode(info.Type, stored, values);
                using var scope = NewDisposeScope();
                var part = flat.narrow(0, start, length);
                part.copy_(tensor(values));
            }
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();

    private GgufTensorInfo Info(BinaryReader reader)
    {
        var (name, dimensions) = (Text(reader), reader.ReadUInt32());
        if (dimensions > 4)
        {
            throw Damaged($"tensor {CheckpointException.Quote(name)} has {dimensions} dimensions; 4 are allowed");
        }

        var shape = new long[dimensions];
        for (var i = 0; i < shape.Length; i++)
        {
            shape[^(i + 1)] = reader.ReadInt64();
        }

        var type = (GgufType)reader.ReadInt32();
        var count = shape.Aggregate(1L, (product, size) => checked(product * size));
        if (!Enum.IsDefined(type))
        {
            throw new CheckpointException(
                Path,
                FormattableString.Invariant($"tensor {CheckpointException.Quote(name)} is of ggml's type {(int)type}"),
                $"use a file of {string.Join(", ", Enum.GetNames<GgufType>())}");
        }

        if (shape.Any(size => size < 0) || count % GgufBlocks.Weights(type) != 0)
        {
            throw Damaged(
                $"tensor {CheckpointException.Quote(name)} is [{string.Join(", ", shape)}], which {type} cannot store");
        }

        return new(name, shape, type, reader.ReadInt64(), GgufBlocks.Bytes(type, count));
    }

    private object Value(BinaryReader reader, GgufValueType type, int depth)
    {
        switch (type)
        {
            case GgufValueType.UInt8:
                return (uint)reader.ReadByte();
            case GgufValueType.Int8:
                return (int)reader.ReadSByte();
            case GgufValueType.UInt16:
                return (uint)reader.ReadUInt16();
            case GgufValueType.Int16:
                return (int)reader.ReadInt16();
            case GgufValueType.UInt32:
                return reader.ReadUInt32();
            case GgufValueType.Int32:
                return reader.ReadInt32();
            case GgufValueType.Float32:
                return reader.ReadSingle();
            case GgufValueType.Bool:
                return reader.ReadByte() != 0;
            case GgufValueType.String:
                return Text(reader);
            case GgufValueType.UInt64:
                return reader.ReadUInt64();
            case GgufValueType.Int64:
                return reader.ReadInt64();
            case GgufValueType.Float64:
                return reader.ReadDouble();
            case GgufValueType.Array when depth < 2:
                var item = (GgufValueType)reader.ReadInt32();
                var items = new object[Count(reader)];
                for (var i = 0; i < items.Length; i++)
                {
                    items[i] = Value(reader, item, depth + 1);
                }

                return items;
            default:
                throw Damaged(string.Create(CultureInfo.InvariantCulture, $"it has metadata of type {(int)type}"));
        }
    }

    /// <summary>A number of things that each take a byte or more.</summary>
    private int Count(BinaryReader reader)
    {
        var count = reader.ReadUInt64();
        return count <= (ulong)Math.Min(MostEntries, stream.Length)
            ? (int)count
            : throw Damaged($"it claims {count} entries");
    }

    private string Text(BinaryReader reader)
    {
        var length = reader.ReadUInt64();
        if (length > (ulong)Math.Min(LongestText, stream.Length))
        {
            throw Damaged($"it claims a text of {length} bytes");
        }

        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    private CheckpointException Damaged(string problem) => new(Path, problem, "fetch it again");
}

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its sizes, outermost first.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Offset">Where it begins in the data.</param>
/// <param name="Bytes">Its size there.</param>
internal sealed record GgufTensorInfo(string Name, IReadOnlyList<long> Shape, GgufType Type, long Offset, long Bytes);
