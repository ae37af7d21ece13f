using System.IO.Compression;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>
/// A PyTorch checkpoint (.pth, .pt, .bin) of named tensors: a zip archive with a pickle, of which only the description
/// of tensors is read and nothing is executed, and one stored entry for each block of values.
/// </summary>
internal sealed class TorchFile : CheckpointFile
{
    private const long LongestPickle = 100_000_000;
    private const int ChunkBytes = 8 << 20;

    private readonly FileStream stream;
    private readonly ZipArchive archive;
    private readonly string folder = "";
    private readonly Dictionary<string, Layout> layouts = [];
    private readonly Dictionary<string, TensorInfo> tensors = [];

    private TorchFile(string path, FileStream stream)
        : base(path)
    {
        this.stream = stream;
        try
        {
            archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            var pickle = archive.Entries.FirstOrDefault(entry =>
                entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal) || entry.FullName == "data.pkl")
                ?? throw new FormatException("it holds no data.pkl");
            folder = pickle.FullName[..^"data.pkl".Length];
            RequireByteOrder();
            Add("", PickleReader.Read(Bytes(pickle)));
            if (tensors.Count == 0)
            {
                throw new FormatException("it names no tensor");
            }
        }
        catch (Exception fault)
        {
            Dispose();
            throw fault is FormatException or InvalidDataException or EndOfStreamException or OverflowException
                or NotSupportedException
                ? new CheckpointException(
                    path,
                    fault.Message.TrimEnd('.'),
                    "use a file of tensors that torch.save wrote, or convert it to safetensors",
                    fault)
                : fault;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Opens a file and checks the description of every tensor.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable, or more than tensors by name.</exception>
    public static new TorchFile Open(string path) => Opened(path, stream => new TorchFile(path, stream));

    /// <summary>Whether a file begins as a zip archive does.</summary>
    public static bool IsOne(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        return Opened(path, stream =>
        {
            using (stream)
            {
                var magic = new byte[4];
                return stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4
                    && magic.AsSpan().SequenceEqual("PK\x03\x04"u8);
            }
        });
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        archive?.Dispose();
        stream.Dispose();
    }

    private protected override void Copy(TensorInfo info, Tensor destination)
    {
        var layout = layouts[info.Name];
        var size = SafetensorsType.Size(info.Type);
        var values = empty(layout.Span, info.Type);
        try
        {
            using var source = archive.GetEntry(layout.Entry)!.Open();
            Skip(source, layout.Offset * size);
            for (var start = 0L; start < layout.Span; start += ChunkBytes / size)
            {
                using var part = values.narrow(0, start, Math.Min(ChunkBytes / size, layout.Span - start));
                source.ReadExactly(part.bytes);
            }
        }
        catch (Exception fault) when (fault is IOException or InvalidDataException)
        {
            throw new CheckpointException(
                Path,
                $"the values of tensor {CheckpointException.Quote(info.Name)} cannot be read ({fault.Message})",
                "fetch or save the file again",
                fault);
        }

        destination.copy_(values.as_strided([.. info.Shape], layout.Strides));
    }

    private static void Skip(Stream source, long count)
    {
        var buffer = new byte[Math.Min(count, 1 << 16)];
        while (count > 0)
        {
            var part = (int)Math.Min(count, buffer.Length);
            source.ReadExactly(buffer, 0, part);
            count -= part;
        }
    }

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        if (entry.CompressedLength != entry.Length || entry.Length > LongestPickle)
        {
            throw new FormatException($"its {CheckpointException.Quote(entry.Name)} is compressed or too long");
        }

        var bytes = new byte[entry.Length];
        using var source = entry.Open();
        source.ReadExactly(bytes);
        return bytes;
    }

    private void RequireByteOrder()
    {
        if (archive.GetEntry(folder + "byteorder") is { Length: < 16 } entry
            && !Bytes(entry).AsSpan().SequenceEqual("little"u8))
        {
            throw new FormatException("its numbers are not little-endian");
        }
    }

    /// <summary>Takes tensors up by name; dictionaries within dictionaries join their keys with dots.</summary>
    private void Add(string name, object? value, int depth = 0)
    {
        switch (value)
        {
            case Dictionary<object, object?> members when depth < 8:
                foreach (var (key, member) in members)
                {
                    Add(name.Length == 0 ? $"{key}" : $"{name}.{key}", member, depth + 1);
                }

                break;
            case PickledCall
            {
                Function: ("torch._utils", "_rebuild_parameter"),
                Arguments: [var data, ..]
            } when depth < 8:
                Add(name, data, depth + 1);
                break;
            case PickledCall
            {
                Function: ("torch._utils", "_rebuild_tensor_v2"),
                Arguments:
                [
                    PickledReference { Id: object?[] storage }, long offset, object?[] sizes, object?[] strides, ..
                ]
            }:
                Add(name, storage, offset, Numbers(sizes), Numbers(strides));
                break;
            case PickledCall { Function: var function }:
                throw new FormatException(
                    $"{CheckpointException.Quote(name)} calls "
                    + $"{CheckpointException.Quote($"{function.Module}.{function.Name}")}, and only tensors are read");
            default:
                break; // numbers and words beside the tensors
        }
    }

    private void Add(string name, object?[] storage, long offset, long[] sizes, long[] strides)
    {
        var where = $"tensor {CheckpointException.Quote(name)}";
        if (storage is not ["storage", PickledName { Module: "torch" } kind, string key, string, long elements]
            || TypeOf(kind.Name) is not { } type)
        {
            throw new FormatException($"{where} is of a kind that is not known");
        }

        var entry = archive.GetEntry($"{folder}data/{key}") ?? throw new FormatException(
            $"{where} lies in {CheckpointException.Quote(key)}, which is missing");
        var size = SafetensorsType.Size(type);
        if (entry.CompressedLength != entry.Length || elements < 0 || entry.Length != checked(elements * size))
        {
            throw new FormatException(
                $"{where} claims {elements} values of {size} bytes, but its entry has {entry.Length} bytes");
        }

        if (offset < 0 || sizes.Length != strides.Length || sizes.Any(n => n < 0) || strides.Any(n => n < 0))
        {
            throw new FormatException($"{where} has a negative size, stride or offset");
        }

        var count = sizes.Aggregate(1L, (product, n) => checked(product * n));
        var span = count == 0
            ? 0
            : checked(sizes.Zip(strides).Aggregate(1L, (sum, pair) => sum + ((pair.First - 1) * pair.Second)));
        if (count > elements || checked(offset + span) > elements)
        {
            throw new FormatException($"{where} reaches beyond its {elements} values");
        }

        if (!tensors.TryAdd(name, new TensorInfo(name, type, sizes, count * size)))
        {
            throw new FormatException($"{where} is there twice");
        }

        layouts.Add(name, new(entry.FullName, offset, span, strides));
    }

    private static long[] Numbers(object?[] values) =>
        [.. values.Select(value =>
            value is long number ? number : throw new FormatException("a size or stride is no number"))];

    private static ScalarType? TypeOf(string storage) => storage switch
    {
        "FloatStorage" => ScalarType.Float32,
        "HalfStorage" => ScalarType.Float16,
        "BFloat16Storage" => ScalarType.BFloat16,
        "DoubleStorage" => ScalarType.Float64,
        "LongStorage" => ScalarType.Int64,
        "IntStorage" => ScalarType.Int32,
        "ShortStorage" => ScalarType.Int16,
        "CharStorage" => ScalarType.Int8,
        "ByteStorage" => ScalarType.Byte,
        "BoolStorage" => ScalarType.Bool,
        _ => null,
    };

    /// <summary>Where a tensor's values lie.</summary>
    /// <param name="Entry">Entry of the archive.</param>
    /// <param name="Offset">First value.</param>
    /// <param name="Span">Values from the first to the last, gaps included.</param>
    /// <param name="Strides">Steps between values.</param>
    private sealed record Layout(string Entry, long Offset, long Span, long[] Strides);
}
