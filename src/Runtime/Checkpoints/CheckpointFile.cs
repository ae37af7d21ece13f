using Marrow.Checkpoints.Gguf;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>
/// One file of named tensors. Opening checks its description; the values are read when they are copied.
/// </summary>
internal abstract class CheckpointFile : IDisposable
{
    private protected CheckpointFile(string path) => Path = path;

    /// <summary>The file's path as given.</summary>
    public string Path { get; }

    /// <summary>Tensors by name.</summary>
    public abstract IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Words about the file; empty if it has none.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>What of the file is left aside, in a sentence; null if nothing.</summary>
    public virtual string? Note => null;

    /// <summary>Opens a safetensors file, a PyTorch checkpoint or a GGUF file, whichever it is.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable or none of them.</exception>
    public static CheckpointFile Open(string path)
    {
        GitLfs.RequireContent(path);
        return TorchFile.IsOne(path) ? TorchFile.Open(path)
            : GgufFile.IsOne(path) ? GgufCheckpoint.Open(path)
            : SafetensorsFile.Open(path);
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

    /// <summary>Checks what <see cref="CopyInto"/> would refuse.</summary>
    /// <exception cref="CheckpointException">No tensor has this name, or shape or type do not fit.</exception>
    public void Require(string name, Tensor destination) => Check(Find(name), destination);

    /// <summary>
    /// Copies a stored tensor into an existing one of the same shape, on any device. Floating-point types convert to
    /// the destination's; needs one tensor's memory beside the destination at most.
    /// </summary>
    /// <exception cref="CheckpointException">No tensor has this name, or shape or type do not fit.</exception>
    public void CopyInto(string name, Tensor destination)
    {
        var info = Find(name);
        Check(info, destination);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Copy(info, destination);
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Opens a file for reading, with this class's exception for what the system says.</summary>
    private protected static T Opened<T>(string path, Func<FileStream, T> open)
    {
        try
        {
            return open(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete));
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "there is no such file", "check the path", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CheckpointException(
                path, $"it cannot be read ({error.Message})", "check the path and its permissions", error);
        }
    }

    /// <summary>
    /// Copies a tensor whose shape and type suit the destination. Temporaries are freed by the caller.
    /// </summary>
    private protected abstract void Copy(TensorInfo info, Tensor destination);

    private TensorInfo Find(string name) =>
        Tensors.TryGetValue(name, out var info)
            ? info
            : throw new CheckpointException(
                Path, $"it has no tensor {CheckpointException.Quote(name)}", $"use one of its {Tensors.Count} names");

    private void Check(TensorInfo info, Tensor destination)
    {
        var where = $"tensor {CheckpointException.Quote(info.Name)}";
        if (!info.Shape.SequenceEqual(destination.shape))
        {
            throw new CheckpointException(
                Path,
                $"{where} has shape [{string.Join(", ", info.Shape)}], the model wants "
                + $"[{string.Join(", ", destination.shape)}]",
                "use the checkpoint of this model's sizes");
        }

        if (destination.device_type == DeviceType.META)
        {
            throw new CheckpointException(
                Path,
                $"{where} cannot be copied to a meta tensor, which has no memory",
                "create the tensor on a real device first");
        }

        if (info.Type != destination.dtype
            && !(SafetensorsType.IsFloat(info.Type) && SafetensorsType.IsFloat(destination.dtype)))
        {
            throw new CheckpointException(
                Path,
                $"{where} is stored as {SafetensorsType.Name(info.Type)}, the model wants "
                + SafetensorsType.Name(destination.dtype),
                "only floating-point types convert to each other, so use the checkpoint of this model");
        }
    }
}
