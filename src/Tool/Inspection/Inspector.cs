using System.Text.Json;
using Marrow.Adapters.Peft;
using Marrow.Checkpoints;
using Marrow.Checkpoints.Gguf;
using Marrow.Peft;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.Inspection;

/// <summary>Reads the description of a checkpoint: no weight is read, and nothing of a pickle is run.</summary>
internal static class Inspector
{
    /// <summary>Looks at a file or a folder.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="model">The folder of the model that an adapter is for; null: the one that it names.</param>
    /// <param name="screen">Hears of waiting.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    /// <exception cref="ToolException">There is nothing at the path.</exception>
    public static CheckpointFacts Inspect(string path, string? model, Screen screen, CancellationToken stop)
    {
        if (!Path.Exists(path))
        {
            throw new ToolException($"{path}: there is no such file or folder; check the path.");
        }

        path = Only(path);
        return File.Exists(Path.Combine(path, PeftConfiguration.FileName)) ? Adapter(path, model, screen, stop)
            : GgufFile.IsOne(path) ? Gguf(path, screen, stop)
            : Weights(path, screen, stop);
    }

    /// <summary>The one file of a folder that holds weights under another name than Hugging Face's.</summary>
    private static string Only(string path)
    {
        if (!Directory.Exists(path) || CheckpointReader.IsThere(path)
            || File.Exists(Path.Combine(path, PeftConfiguration.FileName)))
        {
            return path;
        }

        var files = Directory.EnumerateFiles(path)
            .Where(file => Path.GetExtension(file) is ".safetensors" or ".gguf" or ".pth" or ".pt" or ".bin")
            .Order(StringComparer.Ordinal)
            .ToList();
        return files.Count switch
        {
            0 => path,
            1 => files[0],
            _ => throw new ToolException(
                $"{path}: it holds {files.Count} files of weights; name one of them, such as {files[0]}."),
        };
    }

    private static CheckpointFacts Weights(string path, Screen screen, CancellationToken stop)
    {
        // A configuration without weights is worth a look too: plan and scaffold need no more.
        var isEmpty = File.Exists(Path.Combine(path, "config.json")) && !CheckpointReader.IsThere(path);
        using var checkpoint = isEmpty ? null : CheckpointReader.Open(path);
        var kind = checkpoint?.Files.First() is not { } file ? "configuration without weights"
            : $"{(TorchFile.IsOne(file) ? "PyTorch" : "safetensors")} {(Directory.Exists(path) ? "folder" : "file")}";
        return Facts(
            path,
            kind,
            ConfigurationFile.Architecture(path),
            checkpoint is null ? [] : checkpoint.Tensors.Values.Select(
                info => new TensorFacts(info.Name, info.Shape, SafetensorsType.Name(info.Type), info.ByteCount)),
            checkpoint?.Files ?? [],
            LoadingCheck.Model(path, isEmpty, screen, stop),
            notes: checkpoint?.Notes);
    }

    private static CheckpointFacts Gguf(string path, Screen screen, CancellationToken stop)
    {
        using var file = GgufFile.Open(path);
        return Facts(
            path,
            "GGUF file",
            file.Metadata.GetValueOrDefault("general.architecture") as string,
            file.Tensors.Values.Select(info => new TensorFacts(info.Name, info.Shape, $"{info.Type}", info.Bytes)),
            [path],
            LoadingCheck.Gguf(path, screen, stop));
    }

    private static CheckpointFacts Adapter(string path, string? model, Screen screen, CancellationToken stop)
    {
        var file = PeftConfiguration.Read(path);
        using var weights = PeftWeights.Open(path);
        return Facts(
            path,
            "PEFT adapter",
            file.Text("peft_type"),
            weights.Tensors.Values.Select(
                info => new TensorFacts(info.Name, info.Shape, SafetensorsType.Name(info.Type), info.ByteCount)),
            [weights.Path],
            LoadingCheck.Adapter(file, model, screen, stop),
            file.Stated.ToDictionary(field => field.Name, field => field.Value));
    }

    private static CheckpointFacts Facts(
        string path,
        string kind,
        string? architecture,
        IEnumerable<TensorFacts> tensors,
        IEnumerable<string> files,
        LoadingFacts loading,
        IReadOnlyDictionary<string, JsonElement>? settings = null,
        IEnumerable<string>? notes = null)
    {
        var all = tensors.OrderBy(tensor => tensor.Name, NaturalOrder.Instance).ToList();
        return new(
            path,
            kind,
            architecture,
            all.Sum(tensor => tensor.Count),
            all.Sum(tensor => tensor.Bytes),
            all.GroupBy(tensor => tensor.Type).ToDictionary(
                group => group.Key, group => group.Sum(tensor => tensor.Count)),
            [.. files.Select(file => new FileFacts(Path.GetFileName(file), new FileInfo(file).Length))],
            loading,
            settings,
            [.. notes ?? []],
            all);
    }
}
