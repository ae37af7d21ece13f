using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>
/// A checkpoint to read from: one safetensors file or PyTorch checkpoint (.pth, .bin), or a folder with one of either
/// or with shards and their index; safetensors come first.
/// </summary>
internal sealed class CheckpointReader : IDisposable
{
    internal const string SingleFile = "model.safetensors", IndexFile = "model.safetensors.index.json";
    private const string TorchFile = "pytorch_model.bin", TorchIndexFile = "pytorch_model.bin.index.json";

    private readonly string path;
    private readonly List<CheckpointFile> files;
    private readonly Dictionary<string, CheckpointFile> homes;

    private CheckpointReader(string path, List<CheckpointFile> files, Dictionary<string, CheckpointFile> homes)
    {
        (this.path, this.files, this.homes) = (path, files, homes);
        Tensors = homes.ToDictionary(home => home.Key, home => home.Value.Tensors[home.Key]);
        Metadata = files.SelectMany(file => file.Metadata).DistinctBy(pair => pair.Key).ToDictionary();
    }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The paths of the files that hold the tensors.</summary>
    public IEnumerable<string> Files => files.Select(file => file.Path);

    /// <summary>The files' metadata; the first file's value where several have one.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>What of the files is left aside, a sentence for each of which something is.</summary>
    public IEnumerable<string> Notes =>
        files.Where(file => file.Note is not null).Select(file => $"{file.Path}: {file.Note}.");

    /// <summary>Whether there is a file, or a folder that holds weights.</summary>
    public static bool IsThere(string path) => File.Exists(path)
        || new[] { SingleFile, IndexFile, TorchFile, TorchIndexFile }.Any(
            name => File.Exists(Path.Combine(path, name)));

    /// <summary>
    /// Opens a checkpoint and checks every header; the weights themselves are read when they are copied.
    /// </summary>
    /// <param name="path">
    /// A safetensors or PyTorch file, or a folder that holds model.safetensors or pytorch_model.bin, or the index of
    /// either's shards.
    /// </param>
    /// <exception cref="CheckpointException">Nothing usable is there, a shard is missing, or a file is not
    /// valid.</exception>
    public static CheckpointReader Open(string path)
    {
        if (!Directory.Exists(path)) return OpenSingle(path, path);
        foreach (var (name, index) in new[] { (SingleFile, IndexFile), (TorchFile, TorchIndexFile) })
        {
            var (single, shards) = (Path.Combine(path, name), Path.Combine(path, index));
            if (File.Exists(single)) return OpenSingle(path, single);
            if (File.Exists(shards)) return OpenSharded(path, shards);
        }

        throw new CheckpointException(
            path,
            $"the folder holds neither {SingleFile} nor {TorchFile}, nor the index of either's shards",
            "name the folder or file of a checkpoint");
    }

    /// <summary>A new CPU tensor with the stored type and shape.</summary>
    /// <exception cref="CheckpointException">No tensor has this name.</exception>
    public Tensor ReadTensor(string name) => Home(name).ReadTensor(name);

    /// <summary>Copies a stored tensor into an existing one; see <see cref="CheckpointFile.CopyInto"/>.</summary>
    /// <exception cref="CheckpointException">No tensor has this name, or shape or type do not fit.</exception>
    public void CopyInto(string name, Tensor destination) => Home(name).CopyInto(name, destination);

    /// <summary>Unmaps the files.</summary>
    public void Dispose() => files.ForEach(file => file.Dispose());

    private CheckpointFile Home(string name) =>
        homes.TryGetValue(name, out var file) ? file : throw new CheckpointException(
        path, $"it has no tensor {CheckpointException.Quote(name)}", $"use one of its {homes.Count} names");

    private static CheckpointReader OpenSingle(string path, string file)
    {
        var single = CheckpointFile.Open(file);
        return new(path, [single], single.Tensors.Keys.ToDictionary(name => name, _ => single));
    }

    private static CheckpointReader OpenSharded(string directory, string indexPath)
    {
        var index = ShardIndex.Read(indexPath);
        var shards = index.Values.Distinct().Order(StringComparer.Ordinal).ToList();
        var missing = shards.Where(shard => !File.Exists(Path.Combine(directory, shard))).ToList();
        if (missing.Count > 0)
            throw new CheckpointException(directory, $"{missing.Count} of {shards.Count} shards are missing: " +
                string.Join(", ", missing.Take(5).Select(CheckpointException.Quote)) + (missing.Count > 5 ? ", …" : ""),
                "fetch them into the same folder");

        var open = new Dictionary<string, CheckpointFile>();
        try
        {
            foreach (var shard in shards) open.Add(shard, CheckpointFile.Open(Path.Combine(directory, shard)));
            foreach (var (name, shard) in index)
            {
                if (!open[shard].Tensors.ContainsKey(name))
                    throw new CheckpointException(indexPath, $"it places tensor {CheckpointException.Quote(name)} in " +
                        $"{CheckpointException.Quote(shard)}, which does not hold it",
                            "fetch the index and the shards of one version");
            }
            return new(directory, [.. open.Values], index.ToDictionary(place => place.Key, place => open[place.Value]));
        }
        catch
        {
            foreach (var file in open.Values) file.Dispose();
            throw;
        }
    }
}
