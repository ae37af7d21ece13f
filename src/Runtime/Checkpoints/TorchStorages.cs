using System.Buffers.Binary;
using System.IO.Compression;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>The pickle of a PyTorch checkpoint, and the blocks of values that it refers to.</summary>
internal abstract class TorchStorages : IDisposable
{
    private const int StartBytes = sizeof(long) + 1;

    /// <summary>What the pickle holds.</summary>
    public object? Pickled { get; private protected init; }

    /// <summary>Whether a file begins as a zip archive, or as a pickle of some protocol since 2.</summary>
    public static bool IsOne(Stream stream)
    {
        var start = new byte[StartBytes];
        stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        return start.AsSpan().StartsWith("PK\x03\x04"u8) || IsPickle(start);
    }

    /// <summary>Opens either kind; the stream belongs to it.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static TorchStorages Open(FileStream stream)
    {
        var start = new byte[StartBytes];
        stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        stream.Position = 0;
        return IsPickle(start) ? new Sequence(stream) : new Archive(stream);
    }

    /// <summary>Bytes of a block, or null if there is none of this name.</summary>
    public abstract long? SizeOf(string storage);

    /// <summary>Reads the values of a block.</summary>
    /// <param name="storage">Its name.</param>
    /// <param name="skip">Bytes to leave out before them.</param>
    /// <param name="read">Reads from there.</param>
    public abstract void Read(string storage, long skip, Action<Stream> read);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>The type of a block's values, or null if it is not known.</summary>
    public static ScalarType? TypeOf(string storage) => storage switch
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

    /// <summary>A safetensors file may begin like one, with a length of 64 bits, but then comes its header.</summary>
    private static bool IsPickle(byte[] start) =>
        start[0] == 0x80 && start[1] is >= 2 and <= 5 && start[sizeof(long)] != '{';

    /// <summary>A zip archive, since PyTorch 1.6.</summary>
    private sealed class Archive : TorchStorages
    {
        private readonly FileStream stream;
        private readonly ZipArchive archive;
        private readonly string folder;

        public Archive(FileStream stream)
        {
            this.stream = stream;
            archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            var pickle = archive.Entries.FirstOrDefault(entry =>
                entry.FullName.EndsWith("/data.pkl", StringComparison.Ordinal) || entry.FullName == "data.pkl")
                ?? throw new FormatException("it holds no data.pkl");
            folder = pickle.FullName[..^"data.pkl".Length];
            if (archive.GetEntry(folder + "byteorder") is { Length: < 16 } order
                && !Bytes(order).AsSpan().SequenceEqual("little"u8))
            {
                throw new FormatException("its numbers are not little-endian");
            }

            Pickled = PickleReader.Read(new MemoryStream(Bytes(pickle))).Value;
        }

        public override long? SizeOf(string storage) => Entry(storage) switch
        {
            null => null,
            { } entry when entry.CompressedLength == entry.Length => entry.Length,
            _ => throw new FormatException($"its {CheckpointException.Quote(storage)} is compressed"),
        };

        public override void Read(string storage, long skip, Action<Stream> read)
        {
            using var source = Entry(storage)!.Open();
            var buffer = new byte[Math.Min(skip, 1 << 16)];
            while (skip > 0)
            {
                var part = (int)Math.Min(skip, buffer.Length);
                source.ReadExactly(buffer, 0, part);
                skip -= part;
            }

            read(source);
        }

        public override void Dispose()
        {
            archive.Dispose();
            stream.Dispose();
        }

        private ZipArchiveEntry? Entry(string storage) => archive.GetEntry($"{folder}data/{storage}");

        private static byte[] Bytes(ZipArchiveEntry entry)
        {
            if (entry.CompressedLength != entry.Length || entry.Length > PickleReader.LongestPickle)
            {
                throw new FormatException($"its {CheckpointException.Quote(entry.Name)} is compressed or too long");
            }

            var bytes = new byte[entry.Length];
            using var source = entry.Open();
            source.ReadExactly(bytes);
            return bytes;
        }
    }

    /// <summary>
    /// Pickles behind each other, before PyTorch 1.6: a number, a version, facts of the machine, the value, the names
    /// of the blocks; then the blocks, each a count of values in 64 bits and the values.
    /// </summary>
    private sealed class Sequence : TorchStorages
    {
        private const long Version = 1001;
        private static readonly System.Numerics.BigInteger Magic = new(
            [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

        private readonly FileStream stream;
        private readonly Dictionary<string, (long Start, long Size)> blocks = [];

        public Sequence(FileStream stream)
        {
            this.stream = stream;
            if (!Equals(PickleReader.Read(stream).Value, Magic))
            {
                throw new FormatException("it is a pickle, but torch.save did not write it");
            }

            if (PickleReader.Read(stream).Value is not Version)
            {
                throw new FormatException("its version is not known");
            }

            if (PickleReader.Read(stream).Value is Dictionary<object, object?> facts
                && facts.TryGetValue("little_endian", out var isLittle) && isLittle is false)
            {
                throw new FormatException("its numbers are not little-endian");
            }

            (Pickled, var references) = PickleReader.Read(stream);
            Find(references, PickleReader.Read(stream).Value as List<object?>
                ?? throw new FormatException("it does not say where its values lie"));
        }

        public override long? SizeOf(string storage) =>
            blocks.TryGetValue(storage, out var block) ? block.Size : null;

        public override void Read(string storage, long skip, Action<Stream> read)
        {
            stream.Position = blocks[storage].Start + skip;
            read(stream);
        }

        public override void Dispose() => stream.Dispose();

        private void Find(IReadOnlyList<PickledReference> references, List<object?> order)
        {
            var sizes = new Dictionary<string, int>();
            foreach (var reference in references)
            {
                if (reference.Id is not object?[] id || id is not ["storage", PickledName kind, string key, ..])
                {
                    throw new FormatException("it refers to something that is no block of values");
                }

                if (id[^1] is object?[])
                {
                    throw new FormatException("it has views of blocks, as versions of PyTorch before 0.4 wrote them");
                }

                sizes[key] = TypeOf(kind.Name) is { } type
                    ? SafetensorsType.Size(type)
                    : throw new FormatException($"it has values of {CheckpointException.Quote($"{kind}")}");
            }

            var count = new byte[sizeof(long)];
            foreach (var entry in order)
            {
                if (entry is not string name || !sizes.TryGetValue(name, out var size))
                {
                    throw new FormatException("it has a block of values that nothing refers to");
                }

                stream.ReadExactly(count);
                var bytes = checked(BinaryPrimitives.ReadInt64LittleEndian(count) * size);
                var start = stream.Position;
                if (bytes < 0 || bytes > stream.Length - start || !blocks.TryAdd(name, (start, bytes)))
                {
                    throw new FormatException($"its block {CheckpointException.Quote(name)} ends beyond the file");
                }

                stream.Position = start + bytes;
            }
        }
    }
}
