using Google.Protobuf;
using static TorchSharp.torch;

namespace Marrow.Onnx;

/// <summary>
/// A graph of ONNX operators under construction. Layers and models add what they compute, in evaluation; everything is
/// float32, with the shapes that follow from the input's.
/// </summary>
/// <param name="path">The file that it will be, for messages.</param>
internal sealed class OnnxGraph(string path)
{
    private readonly List<OnnxMessage> nodes = [];
    private readonly Dictionary<string, OnnxMessage> constants = [];

    /// <summary>Writes the file: it appears whole or not at all.</summary>
    /// <param name="name">The graph's name.</param>
    /// <param name="input">What it takes.</param>
    /// <param name="output">What it gives.</param>
    /// <exception cref="CheckpointException">It would be too large, or the disk fails.</exception>
    public void Save(string name, OnnxValue input, OnnxValue output)
    {
        const string Batch = "batch_size";
        var model = OnnxSchema.Model(OnnxSchema.Graph(
            name,
            nodes,
            constants.Values,
            [OnnxSchema.ValueInfo(input, Batch)],
            [OnnxSchema.ValueInfo(output, Batch)]));
        if (model.Size() > int.MaxValue)
        {
            throw new CheckpointException(
                path,
                $"the graph would have {model.Size()} bytes, and a file of ONNX holds at most {int.MaxValue}",
                "quantize the model to fewer bits, or export a smaller one");
        }

        CheckpointException.Guard(path, () => AtomicFile.Write(path, stream =>
        {
            using var output = new CodedOutputStream(stream, leaveOpen: true);
            model.WriteTo(output);
        }));
    }

    /// <summary>The error of a layer or model that has no form in ONNX.</summary>
    public CheckpointException Unknown(string problem, string remedy) => new(path, problem, remedy);

    /// <summary>A float tensor, as float32.</summary>
    /// <param name="name">Its name, unless it is taken.</param>
    /// <param name="value">Its values.</param>
    /// <exception cref="CheckpointException">It is on the meta device.</exception>
    public OnnxValue Constant(string name, Tensor value)
    {
        if (value.device_type == TorchSharp.DeviceType.META)
        {
            throw Unknown($"'{name}' has no values, since the model is on the meta device", "load its weights first");
        }

        using var scope = NewDisposeScope();
        var floats = value.detach().to(ScalarType.Float32).cpu().contiguous();
        return Constant(name, OnnxType.Float, value.shape, floats.bytes.ToArray());
    }

    /// <summary>Integers from int8 values; two of 4 bits share a byte, the first in its lower half.</summary>
    public OnnxValue Integers(string name, OnnxType type, Tensor value)
    {
        using var scope = NewDisposeScope();
        var bytes = value.cpu().contiguous().bytes.ToArray();
        return Constant(name, type, value.shape, type == OnnxType.Int4 ? Halves(bytes) : bytes);
    }

    /// <summary>Integers of 64 bits, which shapes and axes are.</summary>
    public OnnxValue Indices(params long[] values) => Shared(
        $"indices.{string.Join("_", values)}",
        OnnxType.Int64,
        [values.Length],
        [.. values.SelectMany(BitConverter.GetBytes)]);

    /// <summary>A single number.</summary>
    public OnnxValue Scalar(OnnxType type, float value) => Shared(
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{type}.{value:r}"),
        type,
        [],
        type switch
        {
            OnnxType.Float => BitConverter.GetBytes(value),
            OnnxType.Int8 => [(byte)(sbyte)value],
            OnnxType.UInt8 => [(byte)value],
            _ => throw new ArgumentOutOfRangeException(nameof(type)),
        });

    /// <summary>An operator with one output.</summary>
    /// <param name="operation">Its name in ONNX.</param>
    /// <param name="shape">Sizes of the output.</param>
    /// <param name="inputs">Inputs; null is one that is left out.</param>
    /// <param name="attributes">Longs, floats and arrays of longs.</param>
    public OnnxValue Node(
        string operation, long[] shape, OnnxValue?[] inputs, params (string Name, object Value)[] attributes)
    {
        var output = new OnnxValue($"{operation}_{nodes.Count}", shape);
        nodes.Add(OnnxSchema.Node(operation, inputs.Select(input => input?.Name ?? ""), output.Name, attributes));
        return output;
    }

    /// <summary>Gives a value a name of its own, for an output.</summary>
    public OnnxValue Named(string name, OnnxValue value)
    {
        nodes.Add(OnnxSchema.Node("Identity", [value.Name], name, []));
        return value with { Name = name };
    }

    /// <summary>a + b.</summary>
    public OnnxValue Add(OnnxValue a, OnnxValue b) => Node("Add", Broadcast(a.Shape, b.Shape), [a, b]);

    /// <summary>x · factor.</summary>
    public OnnxValue Scale(OnnxValue x, double factor) =>
        Node("Mul", x.Shape, [x, Scalar(OnnxType.Float, (float)factor)]);

    /// <summary>a b over the last two dimensions.</summary>
    public OnnxValue MatMul(OnnxValue a, OnnxValue b) =>
        Node("MatMul", [.. Broadcast(a.Shape[..^2], b.Shape[..^2]), a.Shape[^2], b.Shape[^1]], [a, b]);

    /// <summary>x Wᵀ of a weight [out, in].</summary>
    public OnnxValue Linear(OnnxValue x, OnnxValue weight) => MatMul(x, Transpose(weight, 1, 0));

    /// <summary>Other sizes in the same order of values; one of them may be −1.</summary>
    public OnnxValue Reshape(OnnxValue x, params long[] shape) => Node("Reshape", shape, [x, Indices(shape)]);

    /// <summary>Another order of dimensions.</summary>
    public OnnxValue Transpose(OnnxValue x, params long[] order) =>
        Node("Transpose", [.. order.Select(axis => x.Shape[axis])], [x], ("perm", order));

    /// <summary>Part of a dimension, from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    public OnnxValue Slice(OnnxValue x, int axis, long start, long end)
    {
        long[] shape = [.. x.Shape];
        shape[axis] = end - start;
        return Node("Slice", shape, [x, Indices(start), Indices(end), Indices(axis)]);
    }

    /// <summary>One index of a dimension, which falls away.</summary>
    public OnnxValue Select(OnnxValue x, int axis, long index)
    {
        var part = Slice(x, axis, index, index + 1);
        return Node("Squeeze", [.. x.Shape[..axis], .. x.Shape[(axis + 1)..]], [part, Indices(axis)]);
    }

    /// <summary>Values behind each other.</summary>
    public OnnxValue Concat(int axis, params OnnxValue[] values)
    {
        long[] shape = [.. values[0].Shape];
        shape[axis] = values.Sum(value => value.Shape[axis]);
        return Node("Concat", shape, values, ("axis", (long)axis));
    }

    /// <summary>x moved toward the beginning of a dimension, what falls out there coming in at the end.</summary>
    public OnnxValue RollBack(OnnxValue x, int axis, long by) => by == 0
        ? x
        : Concat(axis, Slice(x, axis, by, x.Shape[axis]), Slice(x, axis, 0, by));

    /// <summary>x with zeros behind each dimension.</summary>
    public OnnxValue Pad(OnnxValue x, params long[] behind) => behind.All(count => count == 0)
        ? x
        : Node(
            "Pad",
            [.. x.Shape.Zip(behind, (size, more) => more == 0 ? size : size + more)],
            [x, Indices([.. new long[x.Rank], .. behind])]);

    /// <summary>Softmax over the last dimension.</summary>
    public OnnxValue Softmax(OnnxValue x) => Node("Softmax", x.Shape, [x], ("axis", -1L));

    /// <summary>The exact GELU.</summary>
    public OnnxValue Gelu(OnnxValue x) => Node("Gelu", x.Shape, [x]);

    /// <summary>The mean over dimensions, which fall away.</summary>
    public OnnxValue Mean(OnnxValue x, params long[] axes) => Node(
        "ReduceMean",
        [.. x.Shape.Where((_, axis) => !axes.Contains(axis))],
        [x, Indices(axes)],
        ("keepdims", 0L));

    private static byte[] Halves(byte[] bytes)
    {
        var packed = new byte[(bytes.Length + 1) / 2];
        for (var i = 0; i < bytes.Length; i++)
        {
            packed[i / 2] |= (byte)((bytes[i] & 0xF) << (4 * (i % 2)));
        }

        return packed;
    }

    private static long[] Broadcast(long[] a, long[] b)
    {
        var rank = Math.Max(a.Length, b.Length);
        return [.. Ones(a).Zip(Ones(b), (left, right) => left == 1 ? right : left)];

        IEnumerable<long> Ones(long[] shape) => Enumerable.Repeat(1L, rank - shape.Length).Concat(shape);
    }

    private OnnxValue Constant(string name, OnnxType type, long[] shape, byte[] values)
    {
        var unique = name;
        for (var i = 1; constants.ContainsKey(unique); i++)
        {
            unique = $"{name}.{i}";
        }

        return Shared(unique, type, shape, values);
    }

    private OnnxValue Shared(string name, OnnxType type, long[] shape, byte[] values)
    {
        constants.TryAdd(name, OnnxSchema.Tensor(name, type, shape, values));
        return new(name, shape);
    }
}
