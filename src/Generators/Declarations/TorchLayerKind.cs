using Marrow.Generators.Sizes;

namespace Marrow.Generators.Declarations;

/// <summary>One of TorchSharp's modules, as an attribute of the DSL declares it.</summary>
internal sealed class TorchLayerKind(
    string attribute,
    string factory,
    IReadOnlyList<TorchArgument> arguments,
    Func<TorchLayerSpec, string> shape,
    Func<TorchLayerSpec, long?> count,
    params (string Divisor, string[] Sizes)[] divisors)
{
    /// <summary>All kinds.</summary>
    public static IReadOnlyList<TorchLayerKind> All { get; } =
    [
        BatchNorm("1d"),
        BatchNorm("2d"),
        InstanceNorm("1d"),
        InstanceNorm("2d"),
        new(
            "GroupNorm",
            "GroupNorm",
            [Positive("groups", "groups"), Positive("channels", "channels"), Eps, Flag("Affine", "affine", true)],
            layer => $"{layer["channels"]} in {layer["groups"]} groups",
            layer => Affine(layer, layer["channels"]),
            ("groups", ["channels"])),
        Convolution("Conv1d", 1, isTransposed: false),
        Convolution("Conv3d", 3, isTransposed: false),
        Convolution("ConvTranspose1d", 1, isTransposed: true),
        Convolution("ConvTranspose2d", 2, isTransposed: true),
        Pooling("MaxPool1d"),
        Pooling("MaxPool2d"),
        Pooling("AvgPool1d"),
        Pooling("AvgPool2d"),
        AdaptivePooling("AdaptiveAvgPool1d"),
        AdaptivePooling("AdaptiveAvgPool2d"),
        Recurrent("Lstm", "LSTM", gates: 4),
        Recurrent("Gru", "GRU", gates: 3),
        new(
            "MultiheadAttention",
            "MultiheadAttention",
            [
                Positive("dim", "dimension"), Positive("heads", "heads"), Number("Dropout", "dropout", 0.0),
                Flag("Bias", "bias", true),
            ],
            layer => $"{layer["dim"]}, {layer["heads"]} heads",
            layer => checked((4 * layer["dim"]!.Integer * layer["dim"]!.Integer)
                + Given(layer, "Bias", 4 * layer["dim"]!.Integer)),
            ("heads", ["dim"])),
    ];

    private static TorchArgument Eps => Number("Eps", "eps", 1e-5);

    /// <summary>The attribute's name without suffix.</summary>
    public string Attribute { get; } = attribute;

    /// <summary>TorchSharp's factory, which is also the name of the module's type.</summary>
    public string Factory { get; } = factory;

    /// <summary>The attribute's arguments, required ones first.</summary>
    public IReadOnlyList<TorchArgument> Arguments { get; } = arguments;

    /// <summary>The shape in words.</summary>
    public Func<TorchLayerSpec, string> Shape { get; } = shape;

    /// <summary>Parameters; null if a size is known only at run time.</summary>
    public Func<TorchLayerSpec, long?> Count { get; } = count;

    /// <summary>Which arguments must divide which.</summary>
    public IReadOnlyList<(string Divisor, string[] Sizes)> Divisors { get; } = divisors;

    /// <summary>The argument of a name.</summary>
    public TorchArgument this[string name] => Arguments.First(argument => argument.Name == name);

    private static TorchLayerKind BatchNorm(string rank) => new(
        "BatchNorm" + rank,
        "BatchNorm" + rank,
        [
            Positive("features", "features"), Eps, Number("Momentum", "momentum", 0.1), Flag("Affine", "affine", true),
            Flag("TrackRunningStats", "track_running_stats", true),
        ],
        layer => layer["features"]!.ToString(),
        layer => Affine(layer, layer["features"]));

    private static TorchLayerKind InstanceNorm(string rank) => new(
        "InstanceNorm" + rank,
        "InstanceNorm" + rank,
        [
            Positive("features", "features"), Eps, Number("Momentum", "momentum", 0.1), Flag("Affine", "affine", false),
            Flag("TrackRunningStats", "track_running_stats", false),
        ],
        layer => layer["features"]!.ToString(),
        layer => Affine(layer, layer["features"]));

    /// <summary>W [out, in / groups, kernel…], or [in, out / groups, kernel…] if it is transposed.</summary>
    private static TorchLayerKind Convolution(string name, int rank, bool isTransposed) => new(
        name,
        name,
        [
            Positive("inChannels", "input channels"), Positive("outChannels", "output channels"),
            Positive("kernel", "kernel"), Positive("Stride", "stride", "stride", 1L),
            new("Padding", "padding", ValueKind.Integer, null, 0L, IsRequired: false),
            .. isTransposed
                ? (TorchArgument[])[new("OutputPadding", "output_padding", ValueKind.Integer, null, 0L, false)]
                : [],
            Positive("Dilation", "dilation", "dilation", 1L), Positive("Groups", "groups", "groups", 1L),
            Flag("Bias", "bias", true),
        ],
        layer => $"{layer["inChannels"]} → {layer["outChannels"]}, kernel {layer["kernel"]}"
            + (layer["Bias"]!.Value is true ? " + bias" : ""),
        layer => layer["Groups"]!.Integer is > 0 and { } groups
            ? checked((Enumerable.Repeat(layer["kernel"]!.Integer, rank).Aggregate(
                layer["inChannels"]!.Integer * layer["outChannels"]!.Integer / groups, (product, edge) =>
                    checked(product * edge)))
                + Given(layer, "Bias", layer["outChannels"]!.Integer))
            : null,
        ("Groups", ["inChannels", "outChannels"]));

    private static TorchLayerKind Pooling(string name) => new(
        name,
        name,
        [
            Positive("kernel", "kernel"), Positive("Stride", "stride", "stride", null),
            new("Padding", "padding", ValueKind.Integer, null, null, IsRequired: false),
            Flag("CeilMode", "ceil_mode", false),
        ],
        layer => $"kernel {layer["kernel"]}",
        _ => 0);

    private static TorchLayerKind AdaptivePooling(string name) =>
        new(name, name, [Positive("outputSize", "output size")], layer => $"to {layer["outputSize"]}", _ => 0);

    /// <summary>
    /// Each layer and direction: weights [gates · hidden, in] and [gates · hidden, hidden], two biases.
    /// </summary>
    private static TorchLayerKind Recurrent(string attribute, string factory, long gates) => new(
        attribute,
        factory,
        [
            Positive("inputSize", "input size"), Positive("hiddenSize", "hidden size"),
            Positive("Layers", "layers", "numLayers", 1L), Flag("Bias", "bias", true),
            Flag("BatchFirst", "batchFirst", false), Number("Dropout", "dropout", 0.0),
            Flag("Bidirectional", "bidirectional", false),
        ],
        layer => $"{layer["inputSize"]} → {layer["hiddenSize"]}, {layer["Layers"]} layers",
        layer =>
        {
            if (layer["Bidirectional"]!.Value is not bool both || layer["Bias"]!.Value is not bool bias)
            {
                return null;
            }

            var (input, hidden, directions) = (layer["inputSize"]!.Integer, layer["hiddenSize"]!.Integer, both ? 2 : 1);
            return checked(
                (First(input) * directions)
                + (First(hidden * directions) * directions * (layer["Layers"]!.Integer - 1)));

            long? First(long? width) => checked(gates * hidden * (width + hidden + (bias ? 2 : 0)));
        });

    private static TorchArgument Positive(string name, string what) =>
        new(name, name, ValueKind.Integer, what, null, IsRequired: true);

    private static TorchArgument Positive(string name, string what, string factory, long? usual) =>
        new(name, factory, ValueKind.Integer, what, usual, IsRequired: false);

    private static TorchArgument Number(string name, string factory, double usual) =>
        new(name, factory, ValueKind.Number, null, usual, IsRequired: false);

    private static TorchArgument Flag(string name, string factory, bool usual) =>
        new(name, factory, ValueKind.Boolean, null, usual, IsRequired: false);

    private static long? Affine(TorchLayerSpec layer, SizeExpression? size) =>
        Given(layer, "Affine", checked(2 * size?.Integer));

    private static long? Given(TorchLayerSpec layer, string flag, long? count) =>
        layer[flag]!.Value is bool given ? given ? count : 0 : null;
}

/// <summary>An argument of the attribute of such a module.</summary>
/// <param name="Name">Its name in the attribute.</param>
/// <param name="Factory">Its name in TorchSharp's factory.</param>
/// <param name="Kind">What kind of value it takes.</param>
/// <param name="What">For a size that must be positive: the words a message uses for it.</param>
/// <param name="Default">What it is when not given; null: TorchSharp decides.</param>
/// <param name="IsRequired">Whether it is a constructor argument.</param>
internal sealed record TorchArgument(
    string Name, string Factory, ValueKind Kind, string? What, object? Default, bool IsRequired);
