using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

/// <summary>
/// Writes what <c>torch.save</c> writes for a state_dict: protocol 2, an OrderedDict, one storage for each tensor;
/// alone or below a name, with a number beside it.
/// </summary>
internal static class TorchBytes
{
    public static byte[] Make(
        IEnumerable<(string Name, Tensor Value)> tensors, string below = "", string beside = "")
    {
        using var target = new MemoryStream();
        using (var archive = new ZipArchive(target, ZipArchiveMode.Create))
        {
            var pickle = new MemoryStream();
            Write(pickle, "\u0080\u0002");
            if (below.Length > 0)
            {
                Write(pickle, "}(");
                Text(pickle, below);
            }

            Write(pickle, "ccollections\nOrderedDict\n)R(");
            foreach (var (index, (name, value)) in tensors.Index())
            {
                var (storage, strides) = Storage(value);
                Text(pickle, name);
                Write(pickle, "ctorch._utils\n_rebuild_tensor_v2\n((");
                Text(pickle, "storage");
                Write(pickle, $"ctorch\n{StorageName(value.dtype)}\n");
                Text(pickle, $"{index}");
                Text(pickle, "cpu");
                Number(pickle, storage.numel());
                Write(pickle, "tQK\0(");
                foreach (var size in value.shape) Number(pickle, size);
                Write(pickle, "t(");
                foreach (var stride in strides) Number(pickle, stride);
                Write(pickle, "t\u0089ccollections\nOrderedDict\n)RtR");
                Entry(archive, $"archive/data/{index}", storage.bytes.ToArray());
            }

            Write(pickle, "u}");
            Text(pickle, "_metadata");
            Write(pickle, "}sb");
            if (beside.Length > 0)
            {
                Text(pickle, beside);
                Number(pickle, 1);
            }

            Write(pickle, below.Length > 0 ? "u." : ".");
            Entry(archive, "archive/data.pkl", pickle.ToArray());
            Entry(archive, "archive/byteorder", "little"u8.ToArray());
            Entry(archive, "archive/version", "3\n"u8.ToArray());
        }

        return target.ToArray();
    }

    /// <summary>A file of <c>Torch/make.py</c>.</summary>
    public static byte[] Made(string name)
    {
        using var source = typeof(TorchBytes).Assembly.GetManifestResourceStream(name)!;
        using var bytes = new MemoryStream();
        source.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>The values in memory order with their strides: a transposed tensor is stored as it lies.</summary>
    private static (Tensor Values, long[] Strides) Storage(Tensor value)
    {
        var strides = value.stride();
        var isTransposed = value.dim() == 2 && !value.is_contiguous();
        return ((isTransposed ? value.t() : value).contiguous().view(-1), strides);
    }

    private static void Entry(ZipArchive archive, string name, byte[] bytes)
    {
        using var entry = archive.CreateEntry(name, CompressionLevel.NoCompression).Open();
        entry.Write(bytes);
    }

    private static void Write(Stream pickle, string latin) => pickle.Write(Encoding.Latin1.GetBytes(latin));

    private static void Text(Stream pickle, string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        pickle.WriteByte((byte)'X');
        pickle.Write(BitConverter.GetBytes(utf8.Length));
        pickle.Write(utf8);
    }

    private static void Number(Stream pickle, long value)
    {
        pickle.WriteByte((byte)'J');
        pickle.Write(BitConverter.GetBytes((int)value));
    }

    private static string StorageName(ScalarType type) => type switch
    {
        ScalarType.Float32 => "FloatStorage",
        ScalarType.BFloat16 => "BFloat16Storage",
        ScalarType.Float16 => "HalfStorage",
        ScalarType.Int64 => "LongStorage",
        _ => throw new NotSupportedException($"{type}"),
    };
}
