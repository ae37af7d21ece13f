using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>
/// One safetensors file, memory-mapped: opening reads only the header, and a tensor's pages load when it is copied.
/// </summary>
internal sealed unsafe class SafetensorsFile : CheckpointFile
{
    private const int PrefixSize = 8;
    private const long LongestHeader = 100_000_000;
    // Small enough to stay in the cache between the map and the destination, large enough to hide the call overhead.
    private const int ChunkBytes = 8 << 20;

    private readonly FileStream stream;
    private readonly MemoryMappedFile? map;
    private readonly MemoryMappedViewAccessor? view;
    private readonly SafetensorsHeader header;
    private readonly byte* mapped, data;
    private bool disposed;

    private SafetensorsFile(string path, FileStream stream)
        : base(path)
    {
        this.stream = stream;
        try
        {
            var length = stream.Length;
            if (length < PrefixSize) throw Damaged($"it has {length} bytes, too few for a header");
            map = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref mapped);
            var start = mapped + view.PointerOffset;
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(new(start, PrefixSize));
            if (headerLength > LongestHeader && (length == PrefixSize || start[PrefixSize] != '{'))
            {
                throw new CheckpointException(
                    path,
                    "it is damaged or no file of weights at all",
                    "name a safetensors, PyTorch or GGUF file, or the folder of one");
            }

            if (headerLength > LongestHeader)
                throw Damaged($"the header claims {headerLength} bytes, and at most {LongestHeader} are allowed");
            if ((long)headerLength > length - PrefixSize)
                throw Damaged($"the header claims {headerLength} bytes, but the file has only {length}");
            data = start + PrefixSize + headerLength;
            header = SafetensorsHeader.Parse(
                path, new(start + PrefixSize, (int)headerLength), length - PrefixSize - (long)headerLength);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            return header.Tensors;
        }
    }

    /// <summary>The file's <c>__metadata__</c>; empty if it has none.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => header.Strings;

    /// <summary>Opens a file and checks all of its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable or not valid safetensors.</exception>
    public static new SafetensorsFile Open(string path) => Opened(path, stream => new SafetensorsFile(path, stream));

    /// <inheritdoc/>
    private protected override void Copy(TensorInfo info, Tensor destination)
    {
        if (!destination.is_contiguous())
        {
            destination.copy_(ReadTensor(info.Name));
            return;
        }
        var size = SafetensorsType.Size(info.Type);
        var source = data + info.Begin;
        var flat = destination.view(-1);
        var count = info.ByteCount / size;
        for (var start = 0L; start < count; start += ChunkBytes / size)
        {
            using var chunkScope = NewDisposeScope();
            var length = Math.Min(count - start, ChunkBytes / size);
            var stored = new ReadOnlySpan<byte>(source + start * size, (int)(length * size));
            if (info.Type == ScalarType.Bool && stored.IndexOfAnyExceptInRange((byte)0, (byte)1) >= 0)
                throw Damaged($"tensor {CheckpointException.Quote(info.Name)} holds truth values other than 0 and 1");
            var part = flat.narrow(0, start, length);
            if (part.dtype == info.Type && part.device_type == DeviceType.CPU)
            {
                stored.CopyTo(part.bytes);
                continue;
            }
            var chunk = empty(length, info.Type);
            stored.CopyTo(chunk.bytes);
            part.copy_(chunk);
        }
    }

    /// <summary>Unmaps the file.</summary>
    public override void Dispose()
    {
        if (disposed) return;
        disposed = true;
        if (mapped is not null) view!.SafeMemoryMappedViewHandle.ReleasePointer();
        view?.Dispose();
        map?.Dispose();
        stream.Dispose();
    }

    private CheckpointException Damaged(string problem) =>
        new(Path, problem, "the file is damaged or was not written by safetensors, so fetch or save it again");
}
