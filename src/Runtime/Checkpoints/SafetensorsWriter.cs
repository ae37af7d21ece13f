using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>Writes safetensors files, one or sharded, tensor by tensor and atomically.</summary>
internal static class SafetensorsWriter
{
    private const int ChunkBytes = 8 << 20, Alignment = 8;

    private static readonly Dictionary<string, string> PyTorchFormat = new() { ["format"] = "pt" };

    /// <summary>
    /// Writes one file. Tensors may lie on any device and have any strides; they are stored in the format's own order,
    /// by element type and then by name.
    /// </summary>
    /// <param name="path">The file to create or replace; it keeps its old content if anything fails.</param>
    /// <param name="tensors">Names and tensors; names must differ.</param>
    /// <param name="metadata">Free-form strings; none if null.</param>
    /// <exception cref="CheckpointException">A tensor cannot be stored, or the file cannot be written.</exception>
    public static void Write(
        string path,
        IEnumerable<(string Name, Tensor Value)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors, metadata, AtomicFile.OpenNew);

    /// <summary>
    /// Writes weights into a folder as Hugging Face's libraries do: model.safetensors, or numbered shards and
    /// model.safetensors.index.json if one file would exceed <paramref name="maxShardBytes"/>. Weights that an earlier
    /// save left there are removed: they would be loaded in place of these, or lie there unused for ever.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="directory">Its path, for messages.</param>
    /// <param name="tensors">The tensors, made one after another; shards are filled in this order.</param>
    /// <param name="maxShardBytes">Most tensor bytes in a shard; a larger tensor gets a shard of its own.</param>
    /// <exception cref="CheckpointException">A tensor cannot be stored.</exception>
    public static void WriteSharded(
        FolderUpdate folder, string directory, IEnumerable<PendingTensor> tensors, long maxShardBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        var shards = Split(Describe(directory, tensors), maxShardBytes);
        var names = shards.Count == 1
            ? [CheckpointReader.SingleFile]
            : Enumerable.Range(1, shards.Count)
                .Select(i => $"model-{i:00000}-of-{shards.Count:00000}.safetensors")
                .ToArray();
        foreach (var (shard, name) in shards.Zip(names))
        {
            WriteTo(folder.Create(name), Path.Combine(directory, name), shard, PyTorchFormat);
        }

        if (shards.Count > 1)
        {
            WriteIndex(folder.Create(CheckpointReader.IndexFile), shards, names);
        }

        folder.Remove(CheckpointReader.SingleFile);
        folder.Remove(CheckpointReader.IndexFile);
        folder.Remove("model-?????-of-?????.safetensors");
    }

    /// <summary>Writes a file of a folder; see <see cref="WriteSharded"/>.</summary>
    /// <exception cref="CheckpointException">A tensor cannot be stored.</exception>
    public static void Write(
        FolderUpdate folder,
        string directory,
        string name,
        IEnumerable<(string Name, Tensor Value)> tensors,
        IReadOnlyDictionary<string, string> metadata)
    {
        var path = Path.Combine(directory, name);
        var entries = Describe(path, tensors.Select(tensor => PendingTensor.Of(tensor.Name, tensor.Value)));
        WriteTo(folder.Create(name), path, entries, metadata);
    }

    internal static void Write(
        string path,
        IEnumerable<(string Name, Tensor Value)> tensors,
        IReadOnlyDictionary<string, string>? metadata,
        Func<string, Stream> open)
    {
        var entries = Describe(path, tensors.Select(tensor => PendingTensor.Of(tensor.Name, tensor.Value)));
        CheckpointException.Guard(path, () =>
        {
            using var file = AtomicFile.Create(path, open);
            WriteTo(file.Stream, path, entries, metadata);
            file.Commit();
        });
    }

    private static List<Entry> Describe(string path, IEnumerable<PendingTensor> tensors)
    {
        var names = new HashSet<string>();
        var entries = new List<Entry>();
        foreach (var tensor in tensors)
        {
            var (name, type) = (tensor.Name, tensor.Type);
            var where = $"tensor {CheckpointException.Quote(name)}";
            if (!names.Add(name) || name == "__metadata__")
                throw new CheckpointException(
                    path, $"{where} cannot be stored under this name", "give every tensor its own name");
            if (!SafetensorsType.IsSupported(type))
                throw new CheckpointException(
                    path,
                    $"{where} is of type {type}, which the format does not have",
                    $"convert it to one of {SafetensorsType.All}");
            if (tensor.IsMeta)
                throw new CheckpointException(
                    path, $"{where} is a meta tensor and has no values", "load the model first");
            entries.Add(new(
                tensor, SafetensorsType.Size(type) * tensor.Shape.Aggregate(1L, (product, size) => product * size)));
        }
        return entries;
    }

    private static List<List<Entry>> Split(List<Entry> entries, long maxShardBytes)
    {
        var shards = new List<List<Entry>> { new() };
        var bytes = 0L;
        foreach (var entry in entries)
        {
            if (shards[^1].Count > 0 && bytes + entry.Bytes > maxShardBytes)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(entry);
            bytes += entry.Bytes;
        }
        return shards;
    }

    private static void WriteTo(
        Stream stream, string path, List<Entry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        var sorted = entries.OrderByDescending(entry => SafetensorsType.Index(entry.Tensor.Type))
            .ThenBy(entry => entry.Name, Utf8Order.Instance).ToList();
        WriteHeader(stream, sorted, metadata);
        foreach (var entry in sorted)
        {
            try
            {
                WriteData(stream, entry.Tensor);
            }
            catch (System.Runtime.InteropServices.ExternalException error)
            {
                throw new CheckpointException(
                    path, $"tensor {CheckpointException.Quote(entry.Name)} cannot be read ({error.Message})",
                    "see the reason; nothing was changed on the disk", error);
            }
        }
    }

    private static void WriteHeader(Stream stream, List<Entry> sorted, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        // Names are data here, never HTML: only what JSON demands is escaped.
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, Utf8Order.Instance)) json.WriteString(
                    key, value);
                json.WriteEndObject();
            }
            var begin = 0L;
            foreach (var (tensor, bytes) in sorted)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", SafetensorsType.Name(tensor.Type));
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(begin);
                json.WriteNumberValue(begin += bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % Alignment != 0) buffer.WriteByte((byte)' ');

        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, buffer.Length);
        stream.Write(length);
        buffer.WriteTo(stream);
    }

    private static void WriteData(Stream stream, PendingTensor tensor)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var flat = tensor.Values().detach().cpu().contiguous().view(-1);
        var (count, most) = (flat.numel(), ChunkBytes / SafetensorsType.Size(flat.dtype));
        for (var start = 0L; start < count; start += most)
        {
            using var part = flat.narrow(0, start, Math.Min(most, count - start));
            stream.Write(part.bytes);
        }
    }

    private static void WriteIndex(Stream stream, List<List<Entry>> shards, string[] names)
    {
        using (var json = new Utf8JsonWriter(
            stream, new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", shards.Sum(shard => shard.Sum(entry => entry.Bytes)));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            var places = shards.SelectMany((shard, i) => shard.Select(entry => (entry.Name, File: names[i])));
            foreach (var (name, file) in places.OrderBy(place => place.Name, Utf8Order.Instance)) json.WriteString(
                name, file);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        stream.Write("\n"u8);
    }

    private readonly record struct Entry(PendingTensor Tensor, long Bytes)
    {
        public string Name => Tensor.Name;
    }

    /// <summary>
    /// Order of the UTF-8 bytes, which is the reference implementation's; UTF-16 order differs above U+FFFF.
    /// </summary>
    private sealed class Utf8Order : IComparer<string>
    {
        public static readonly Utf8Order Instance = new();

        public int Compare(string? x, string? y) =>
            System.Text.Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(y!));
    }
}
