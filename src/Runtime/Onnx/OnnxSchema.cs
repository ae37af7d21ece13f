namespace Marrow.Onnx;

/// <summary>Element types of onnx.proto.</summary>
internal enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int64 = 7,
    Int4 = 22,
}

/// <summary>The messages of onnx.proto, with its field numbers.</summary>
internal static class OnnxSchema
{
    /// <summary>The first operator set with 4-bit integers.</summary>
    private const long OperatorSet = 21, IrVersion = 10;

    /// <summary>A ModelProto.</summary>
    public static OnnxMessage Model(OnnxMessage graph) => new OnnxMessage()
        .Add(1, IrVersion)
        .Add(2, "Marrow")
        .Add(3, typeof(OnnxSchema).Assembly.GetName().Version!.ToString(3))
        .Add(7, graph)
        .Add(8, new OnnxMessage().Add(1, "").Add(2, OperatorSet));

    /// <summary>A GraphProto.</summary>
    public static OnnxMessage Graph(
        string name,
        IEnumerable<OnnxMessage> nodes,
        IEnumerable<OnnxMessage> constants,
        IEnumerable<OnnxMessage> inputs,
        IEnumerable<OnnxMessage> outputs) => new OnnxMessage()
        .AddEach(1, nodes)
        .Add(2, name)
        .AddEach(5, constants)
        .AddEach(11, inputs)
        .AddEach(12, outputs);

    /// <summary>A NodeProto; the name of an input that is left out is empty.</summary>
    public static OnnxMessage Node(
        string operation,
        IEnumerable<string> inputs,
        string output,
        IEnumerable<(string Name, object Value)> attributes) =>
        new OnnxMessage()
            .AddEach(1, inputs)
            .Add(2, output)
            .Add(3, output)
            .Add(4, operation)
            .AddEach(5, attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));

    /// <summary>A TensorProto.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="shape">Its sizes.</param>
    /// <param name="values">The values as they lie in memory, little-endian; two of 4 bits in a byte.</param>
    public static OnnxMessage Tensor(string name, OnnxType type, IEnumerable<long> shape, byte[] values) =>
        new OnnxMessage()
            .AddEach(1, shape.Cast<object>())
            .Add(2, (long)type)
            .Add(8, name)
            .Add(9, values);

    /// <summary>A ValueInfoProto of floats.</summary>
    /// <param name="value">Its name and sizes.</param>
    /// <param name="batch">The name of the dimension of size −1.</param>
    public static OnnxMessage ValueInfo(OnnxValue value, string batch)
    {
        var dimensions = value.Shape.Select(size =>
            size < 0 ? new OnnxMessage().Add(2, batch) : new OnnxMessage().Add(1, size));
        var tensor = new OnnxMessage()
            .Add(1, (long)OnnxType.Float)
            .Add(2, new OnnxMessage().AddEach(1, dimensions));
        return new OnnxMessage().Add(1, value.Name).Add(2, new OnnxMessage().Add(1, tensor));
    }

    private static OnnxMessage Attribute(string name, object value)
    {
        var (field, kind, values) = value switch
        {
            float => (2, 1L, [value]),
            long => (3, 2L, [value]),
            long[] numbers => (8, 7L, numbers.Cast<object>()),
            _ => throw new ArgumentException($"No attribute of ONNX holds a {value.GetType().Name}."),
        };
        return new OnnxMessage().Add(1, name).AddEach(field, values).Add(20, kind);
    }
}
