using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>One safetensors file, memory-mapped: opening reads only the header, and a tensor's pages load when it is copied.</summary>
public sealed unsafe class SafetensorsFile : IDisposable
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
    {
        Path = path;
        this.stream = stream;
        try
        {
            var length = stream.Length;
            if (length < PrefixSize) throw Damaged($"it has {length} bytes, too few for a header");
            map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref mapped);
            var start = mapped + view.PointerOffset;
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(new(start, PrefixSize));
            if (headerLength > LongestHeader)
                throw Damaged($"the header claims {headerLength} bytes, and at most {LongestHeader} are allowed");
            if ((long)headerLength > length - PrefixSize)
                throw Damaged($"the header claims {headerLength} bytes, but the file has only {length}");
            data = start + PrefixSize + headerLength;
            header = SafetensorsHeader.Parse(path, new(start + PrefixSize, (int)headerLength), length - PrefixSize - (long)headerLength);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file's path as given.</summary>
    public string Path { get; }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => header.Tensors;

    /// <summary>The file's <c>__metadata__</c>; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Strings;

    /// <summary>Opens a file and checks all of its header.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable or not valid safetensors.</exception>
    public static SafetensorsFile Open(string path)
    {
        try
        {
            return new(path, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "there is no such file", "check the path", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException(path, $"it cannot be read ({error.Message})", "check the path and its permissions", error);
        }
    }

    /// <summary>A new CPU tensor with the stored type and shape.</summary>
    /// <exception cref="CheckpointException">No tensor has this name.</exception>
    public Tensor ReadTensor(string name)
    {
        var info = Find(name);
        var tensor = empty([.. info.Shape], info.Type);
        try
        {
            CopyInto(name, tensor);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Copies a stored tensor into an existing one of the same shape, on any device. Floating-point types convert to
    /// the destination's; needs a few megabytes of extra memory, or one tensor's if the destination is not contiguous.
    /// </summary>
    /// <exception cref="CheckpointException">No tensor has this name, or shape or type do not fit.</exception>
    public void CopyInto(string name, Tensor destination)
    {
        var info = Find(name);
        Check(info, destination);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (!destination.is_contiguous())
        {
            destination.copy_(ReadTensor(name));
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
                throw Damaged($"tensor {CheckpointException.Quote(name)} holds truth values other than 0 and 1");
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
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        if (mapped is not null) view!.SafeMemoryMappedViewHandle.ReleasePointer();
        view?.Dispose();
        map?.Dispose();
        stream.Dispose();
    }

    private TensorInfo Find(string name)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return Tensors.TryGetValue(name, out var info) ? info : throw new CheckpointException(Path,
            $"it has no tensor {CheckpointException.Quote(name)}", $"use one of its {Tensors.Count} names");
    }

    private void Check(TensorInfo info, Tensor destination)
    {
        var where = $"tensor {CheckpointException.Quote(info.Name)}";
        if (!info.Shape.SequenceEqual(destination.shape))
            throw new CheckpointException(Path,
                $"{where} has shape [{string.Join(", ", info.Shape)}], the model wants [{string.Join(", ", destination.shape)}]",
                "use the checkpoint of this model's sizes");
        if (destination.device_type == DeviceType.META)
            throw new CheckpointException(Path, $"{where} cannot be copied to a meta tensor, which has no memory",
                "create the tensor on a real device first");
        if (info.Type != destination.dtype && !(SafetensorsType.IsFloat(info.Type) && SafetensorsType.IsFloat(destination.dtype)))
            throw new CheckpointException(Path,
                $"{where} is stored as {SafetensorsType.Name(info.Type)}, the model wants {SafetensorsType.Name(destination.dtype)}",
                "only floating-point types convert to each other, so use the checkpoint of this model");
    }

    private CheckpointException Damaged(string problem) =>
        new(Path, problem, "the file is damaged or was not written by safetensors, so fetch or save it again");
}
