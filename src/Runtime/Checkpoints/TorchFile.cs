using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>
/// A PyTorch checkpoint (.pth, .pt, .bin) of named tensors: a pickle, of which only the description of tensors is read
/// and nothing is executed, and blocks of values, in a zip archive or, before PyTorch 1.6, behind each other.
/// </summary>
internal sealed class TorchFile : CheckpointFile
{
    private const int ChunkBytes = 8 << 20;

    private readonly TorchStorages storages;
    private readonly Dictionary<string, Layout> layouts = [];
    private readonly Dictionary<string, TensorInfo> tensors = [];

    private TorchFile(string path, FileStream stream)
        : base(path)
    {
        try
        {
            storages = TorchStorages.Open(stream);
            var state = StateDictionary.Of(storages.Pickled);
            foreach (var (name, call) in state.Tensors)
            {
                Add(name, call);
            }

            Note = state.Note;
        }
        catch (Exception fault)
        {
            Dispose();
            stream.Dispose();
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

    /// <inheritdoc/>
    public override string? Note { get; }

    /// <summary>Opens a file and checks the description of every tensor.</summary>
    /// <exception cref="CheckpointException">The file is missing, unreadable, or names no tensors.</exception>
    public static new TorchFile Open(string path) => Opened(path, stream => new TorchFile(path, stream));

    /// <summary>Whether a file begins as a zip archive or a pickle does.</summary>
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
                return TorchStorages.IsOne(stream);
            }
        });
    }

    /// <inheritdoc/>
    public override void Dispose() => storages?.Dispose();

    private protected override void Copy(TensorInfo info, Tensor destination)
    {
        var layout = layouts[info.Name];
        var size = SafetensorsType.Size(info.Type);
        var values = empty(layout.Span, info.Type);
        try
        {
            storages.Read(layout.Storage, layout.Offset * size, source =>
            {
                for (var start = 0L; start < layout.Span; start += ChunkBytes / size)
                {
                    using var part = values.narrow(0, start, Math.Min(ChunkBytes / size, layout.Span - start));
                    source.ReadExactly(part.bytes);
                }
            });
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

    private void Add(string name, PickledCall call, int depth = 0)
    {
        switch (call.Function.Name, call.Arguments)
        {
            case ("_rebuild_parameter" or "_rebuild_parameter_with_state", [PickledCall data, ..]) when depth < 8:
                Add(name, data, depth + 1);
                break;
            case ("_rebuild_from_type_v2", [PickledName function, _, object?[] arguments, ..]) when depth < 8:
                Add(name, new PickledCall(function, arguments), depth + 1); // a tensor with attributes of its own
                break;
            case ("_rebuild_tensor_v2" or "_rebuild_tensor",
                [PickledReference { Id: object?[] storage }, long offset, object?[] sizes, object?[] strides, ..]):
                Add(name, storage, offset, Numbers(sizes), Numbers(strides));
                break;
            default:
                throw new FormatException(
                    $"tensor {CheckpointException.Quote(name)} is of a kind that is not known "
                    + $"({CheckpointException.Quote($"{call.Function}")})");
        }
    }

    private void Add(string name, object?[] storage, long offset, long[] sizes, long[] strides)
    {
        var where = $"tensor {CheckpointException.Quote(name)}";
        if (storage is not ["storage", PickledName { Module: "torch" } kind, string key, string, long elements, ..]
            || TorchStorages.TypeOf(kind.Name) is not { } type)
        {
            throw new FormatException($"{where} is of a kind that is not known");
        }

        var size = SafetensorsType.Size(type);
        var bytes = storages.SizeOf(key) ?? throw new FormatException(
            $"{where} lies in {CheckpointException.Quote(key)}, which is missing");
        if (elements < 0 || bytes != checked(elements * size))
        {
            throw new FormatException(
                $"{where} claims {elements} values of {size} bytes, but its entry has {bytes} bytes");
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

        tensors.Add(name, new TensorInfo(name, type, sizes, count * size));
        layouts.Add(name, new(key, offset, span, strides));
    }

    private static long[] Numbers(object?[] values) =>
        [.. values.Select(value =>
            value is long number ? number : throw new FormatException("a size or stride is no number"))];

    /// <summary>Where a tensor's values lie.</summary>
    /// <param name="Storage">Name of the block of values.</param>
    /// <param name="Offset">First value.</param>
    /// <param name="Span">Values from the first to the last, gaps included.</param>
    /// <param name="Strides">Steps between values.</param>
    private sealed record Layout(string Storage, long Offset, long Span, long[] Strides);
}
