using static TorchSharp.torch;

namespace Marrow.Checkpoints.Gguf;

/// <summary>A GGUF file of a model as a checkpoint in Hugging Face's layout.</summary>
internal sealed class GgufCheckpoint : CheckpointFile
{
    private readonly GgufFile file;
    private readonly GgufArchitecture family;
    private readonly Dictionary<string, (string Stored, TensorInfo Info)> tensors = [];

    private GgufCheckpoint(GgufFile file)
        : base(file.Path)
    {
        this.file = file;
        var name = file.Metadata.GetValueOrDefault("general.architecture") as string ?? "";
        family = GgufArchitecture.Named(name) ?? throw new CheckpointException(
            file.Path,
            $"it is of architecture {CheckpointException.Quote(name)}",
            $"use a model of one of {GgufArchitecture.Names}");
        foreach (var info in file.Tensors.Values.Where(info => info.Name != "rope_freqs.weight"))
        {
            var own = family.Own(info.Name) ?? info.Name;
            var shape = family.Shape(own, info.Shape);
            tensors[own] = (info.Name, new(
                own, ScalarType.Float32, shape, 4 * shape.Aggregate(1L, (product, size) => product * size)));
        }

        Tensors = tensors.ToDictionary(pair => pair.Key, pair => pair.Value.Info);
        Metadata = file.Metadata.Where(pair => pair.Value is string).ToDictionary(
            pair => pair.Key, pair => (string)pair.Value);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or is of another architecture.</exception>
    public static new GgufCheckpoint Open(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => file.Dispose();

    private protected override void Copy(TensorInfo info, Tensor destination)
    {
        var value = file.Read(tensors[info.Name].Stored);
        destination.copy_(family.FromGguf(info.Name, value, (Heads("head_count"), Heads("head_count_kv"))));
    }

    private long Heads(string field) =>
        file.Metadata.GetValueOrDefault($"{family.Name}.attention.{field}") is uint count ? count
        : field == "head_count_kv" ? Heads("head_count")
        : throw new CheckpointException(Path, $"it does not state {family.Name}.attention.{field}", "fetch it again");
}
