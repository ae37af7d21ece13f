using System.Text;
using static TorchSharp.torch;

namespace Marrow.Checkpoints.Gguf;

/// <summary>A tensor to write into a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its sizes, outermost first.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Values">Gives it; what is made for it belongs to the present dispose scope.</param>
internal sealed record GgufTensor(string Name, IReadOnlyList<long> Shape, GgufType Type, Func<Tensor> Values);

/// <summary>Writes GGUF files of version 3 (ggml's docs/gguf.md).</summary>
internal static class GgufWriter
{
    public const uint Magic = 0x46554747; // "GGUF"
    public const uint Version = 3;
    public const int Alignment = 32;

    private const int ChunkWeights = 1 << 20;

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file to create or replace; it keeps its old content if anything fails.</param>
    /// <param name="metadata">Strings, whole and real numbers, truth values and arrays of them, by key.</param>
    /// <param name="tensors">The tensors, made one after another.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void Write(
        string path, IReadOnlyList<(string Key, object Value)> metadata, IReadOnlyList<GgufTensor> tensors) =>
        CheckpointException.Guard(path, () => AtomicFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            writer.Write(Magic);
            writer.Write(Version);
            writer.Write((ulong)tensors.Count);
            writer.Write((ulong)metadata.Count);
            foreach (var (key, value) in metadata)
            {
                Write(writer, key);
                Write(writer, value);
            }

            var offset = 0L;
            foreach (var tensor in tensors)
            {
                Write(writer, tensor.Name);
                writer.Write(tensor.Shape.Count);
                foreach (var size in tensor.Shape.Reverse())
                {
                    writer.Write(size);
                }

                writer.Write((int)tensor.Type);
                writer.Write(offset);
                offset = Aligned(offset + Bytes(tensor));
            }

            writer.Flush();
            Pad(stream);
            foreach (var tensor in tensors)
            {
                WriteData(stream, tensor);
                Pad(stream);
            }
        }));

    private static long Bytes(GgufTensor tensor) =>
        GgufBlocks.Bytes(tensor.Type, tensor.Shape.Aggregate(1L, (product, size) => product * size));

    private static long Aligned(long offset) => (offset + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream stream) => stream.Write(new byte[Aligned(stream.Position) - stream.Position]);

    private static void WriteData(Stream stream, GgufTensor tensor)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var flat = tensor.Values().detach().cpu().to(ScalarType.Float32).contiguous().view(-1);
        for (var start = 0L; start < flat.numel(); start += ChunkWeights)
        {
            using var part = flat.narrow(0, start, Math.Min(ChunkWeights, flat.numel() - start));
            var stored = new byte[GgufBlocks.Bytes(tensor.Type, part.numel())];
            GgufBlocks.Encode(tensor.Type, part.data<float>().ToArray(), stored);
            stream.Write(stored);
        }
    }

    private static void Write(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Write(BinaryWriter writer, object value)
    {
        if (value is Array array)
        {
            writer.Write((int)GgufValueType.Array);
            writer.Write((int)TypeOf(array.GetType().GetElementType()!));
            writer.Write((ulong)array.Length);
            foreach (var item in array)
            {
                WriteItem(writer, item);
            }

            return;
        }

        writer.Write((int)TypeOf(value.GetType()));
        WriteItem(writer, value);
    }

    private static GgufValueType TypeOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.UInt32 => GgufValueType.UInt32,
        TypeCode.Int32 => GgufValueType.Int32,
        TypeCode.Single => GgufValueType.Float32,
        TypeCode.Boolean => GgufValueType.Bool,
        TypeCode.String => GgufValueType.String,
        var other => throw new NotSupportedException($"GGUF metadata of type {other}"),
    };

    private static void WriteItem(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case uint number:
                writer.Write(number);
                break;
            case int number:
                writer.Write(number);
                break;
            case float number:
                writer.Write(number);
                break;
            case bool truth:
                writer.Write(truth);
                break;
            default:
                Write(writer, (string)value);
                break;
        }
    }
}

/// <summary>Types of metadata.</summary>
internal enum GgufValueType
{
    UInt8,
    Int8,
    UInt16,
    Int16,
    UInt32,
    Int32,
    Float32,
    Bool,
    String,
    Array,
    UInt64,
    Int64,
    Float64,
}
