using System.Globalization;
using System.Reflection;

namespace Marrow.Generators.Tests.Fuzzing;

/// <summary>
/// Programs of one architecture and one variant whose attributes have options of all kinds of values: each attribute
/// of the DSL, each pair of its options, right and wrong.
/// </summary>
internal sealed class RandomPrograms(int seed)
{
    /// <summary>What the programs' values are taken from.</summary>
    public const string Elsewhere = """
        public static class Elsewhere
        {
            public const int Size = 16;
            public const string Text = "some text";
            public const string Expression = "2 * width";
            public const double Real = 0.25;
        }

        public sealed record Sizes(int Width, int Depth = 2);
        """;

    private static readonly string[] Objects =
    [
        "0", "1", "-1", "2", "3", "8", "16", "48", "64", "int.MaxValue", "int.MinValue", "long.MaxValue",
            "long.MinValue",
        "9223372036854775783", "2.5", "-0.5", "1e-5", "1e300", "double.NaN", "double.PositiveInfinity", "1.5f", "true",
            "false",
        "null", "'c'", "(byte)4", "7u", "7UL", "typeof(int)", "new[] { 1 }", "DayOfWeek.Friday",
        "\"\"", "\" \"", "\"4 *\"", "\"a\\nb\"", "\"width\"", "nameof(width)", "nameof(rate)", "nameof(flag)",
            "nameof(name)", "nameof(big)",
        "\"width / 0\"", "\"width % 0\"", "\"width / 2\"", "\"4 * width\"", "\"width < 3 ? 8 : 16\"",
            "\"width < true\"", "\"!width\"",
        "\"flag ? 8 : 16\"", "\"flag ? 8 : true\"", "\"index\"", "\"index % 2\"", "\"missing\"",
            "\"-9223372036854775807 - 2\"",
        "\"2147483647 * 2147483647 * 8\"", "\"100000 * 100000\"", "\"rate * 2\"", "\"(((8)))\"", "\"width; 1\"",
            "\"1.0 / 0\"",
        "Elsewhere.Size", "Elsewhere.Text", "Elsewhere.Expression", "Elsewhere.Real", "nameof(Elsewhere)",
            "nameof(Local)", "\"Local\"",
        "\"Math.Max(width, 8)\"", "\"Math.Sqrt(width)\"", "\"Math.Max(width)\"", "\"head ?? width\"", "\"head + 1\"",
            "\"sizes.Width\"", "\"sizes.Missing\"", "\"depths[0]\"", "\"depths[5]\"", "\"depths[index]\"",
        "\"depths.Length\"", "\"kind == DayOfWeek.Friday ? 8 : 16\"", "\"kind == 3 ? 8 : 16\"", "\"1 << 4\"",
            "\"1 << 70\"", "\"(int)rate\"", "\"(long)big\"", "\"name == \\\"x\\\" ? 8 : 16\"", "\"name\"",
        "\"Elsewhere.Size\"", "\"Steps[1]\"", "\"Steps[index]\"", "\"checked(width * 2)\"", "\"null\"",
            "\"name != null\"",
    ];

    private static readonly string[] Doubles = ["0", "0.1", "0.5", "0.99", "1", "-0.1", "2.5", "1e300", "double.NaN",
        "double.PositiveInfinity", "double.Epsilon"];
    private static readonly string[] Integers = ["0", "1", "4", "-1", "int.MaxValue", "int.MinValue"];
    private static readonly string[] Texts = ["null", "\"\"", "\"*\"", "\"up\"", "\"layer|*head\"", "\"a\\nb\"",
        "\"|\"", "nameof(Table)", "nameof(Tokens)", "\"Missing\"", "\"up.*\"", "\"tokens\"", "\"*.weight\"", "\"*p\""];

    private const string Torch = "TorchSharp.Modules.";

    private static readonly (string Attribute, string Type)[] Layers =
    [
        ("Linear", "Linear"), ("Conv2d", "Conv2d"), ("Attention", "Attention"), ("Embedding", "Embedding"),
            ("RmsNorm", "RmsNorm"),
        ("LayerNorm", "LayerNorm"), ("Dropout", "Dropout"), ("Parameter", "Tensor"), ("Buffer", "Tensor"),
            ("Block", "Inner"), ("BatchNorm2d", Torch + "BatchNorm2d"), ("InstanceNorm1d", Torch + "InstanceNorm1d"),
        ("GroupNorm", Torch + "GroupNorm"), ("Conv1d", Torch + "Conv1d"), ("ConvTranspose2d", Torch + "ConvTranspose2d"),
            ("MaxPool2d", Torch + "MaxPool2d"), ("AdaptiveAvgPool2d", Torch + "AdaptiveAvgPool2d"), ("Lstm", Torch + "LSTM"),
            ("MultiheadAttention", Torch + "MultiheadAttention"),
    ];

    private static readonly string[] OnClasses = ["Bone", "Lora", "Dora", "Quantize", "Qkr", "Recompute", "Replace"];
    private static readonly string[] OnProperties =
        ["Bone", "Lora", "Dora", "Quantize", "Qkr", "Recompute", "Head", "Train"];

    private static readonly string[] Mappings = ["Checkpoint", "Rename", "Rename", "Split", "Fuse"];

    private readonly Random random = new(seed);

    /// <summary>A program in a namespace of its own.</summary>
    public string Next(int number)
    {
        var (attribute, type) = Pick(Layers);
        (type, var option) = random.Next(8) switch
        {
            0 or 1 when type != "Tensor" => ($"ModuleList<{type}>", "Count"),
            2 => ($"{type}?", "When"),
            _ => (type, null),
        };
        var onProperty = random.Next(6) == 0 ? Attribute(Pick(OnProperties)) + ", " : "";
        var name = random.Next(6) == 0
            ? $"Name({Pick(["\"\"", "\"a..b\"", "\"up\"", "\"x.y\"", "\" \""])}), "
            : "";
        var onClass = string.Join(
            ", ",
            OnClasses.Where(_ => random.Next(7) == 0)
                .Concat(Mappings.Where(_ => random.Next(9) == 0))
                .Select(annotation => Attribute(annotation)));
        return string.Create(CultureInfo.InvariantCulture, $$"""
            namespace P{{number}}
            {
                [Model]
                public partial class Inner(int size, double drop = 0.1)
                {
                    [Linear(nameof(size), nameof(size))] public partial Linear Proj { get; }
                    [Dropout(nameof(drop))] public partial Dropout Drop { get; }
                    [Forward] private Tensor Network(Tensor x) => Drop.call(Proj.call(x));
                }

                [Model]
                public partial class Other(int size, double drop = 0.1) : Inner(size, drop)
                {
                    [Linear(2, 2)] public partial Linear More { get; }
                }

                [Model]
                public partial class Net(
                    int width, double rate, bool flag, string name, long big, Sizes sizes, int[] depths,
                    DayOfWeek kind, int? head = null)
                {
                    public const int Local = 24;
                    private static readonly int[] Steps = [8, 16];
                    [{{onProperty}}{{name}}{{Attribute(attribute, option)}}] public partial {{type}} Layer { get; }
                    [Linear(nameof(width), 64)] public partial Linear Up { get; }
                    [Embedding(32, nameof(width))] public partial Embedding Tokens { get; }
                    [Block(8)] public partial Inner Deep { get; }
                    [Forward] private Tensor Network(Tensor x) => x;
                    protected static Tensor Table() => ones(4);
                }

                {{(onClass.Length == 0 ? "[Model]" : $"[{onClass}]")}} public partial class Variant()
                    : Net(
                        {{Pick(["64", "64", "64", "48", "width: 16", "0", "-8"])}},
                        0.5, {{Pick(["true", "false"])}}, "x", 3L, new Sizes(16), [8, 16], DayOfWeek.Friday);
            }
            """);
    }

    /// <summary>An attribute with random arguments: two of its options mostly, sometimes one of them twice.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="wanted">An option that it has in any case, or null.</param>
    private string Attribute(string name, string? wanted = null)
    {
        var type = typeof(ModelAttribute).Assembly.GetType($"Marrow.{name}Attribute")!;
        var arguments = type.GetConstructors()[0].GetParameters()
            .SelectMany(parameter => parameter.IsDefined(typeof(ParamArrayAttribute))
                ? Enumerable.Range(0, random.Next(4)).Select(_ => Value(parameter.ParameterType.GetElementType()!))
                : [Value(parameter.ParameterType)])
            .ToList();
        var options = type.GetProperties().Where(property => property.CanWrite).ToArray();
        if (wanted is not null)
        {
            arguments.Add($"{wanted} = {(random.Next(3) == 0 ? Value(typeof(object)) : wanted == "When" ? "nameof(flag)" : "2")}");
        }

        for (var i = 0; options.Length > 0 && i < random.Next(4); i++)
        {
            var option = Pick(options);
            if (random.Next(20) == 0
                || !arguments.Exists(argument => argument.StartsWith($"{option.Name} = ", StringComparison.Ordinal)))
            {
                arguments.Add($"{option.Name} = {Value(option.PropertyType)}");
            }
        }

        return $"{name}({string.Join(", ", arguments)})";
    }

    private string Value(Type type) => type switch
    {
        _ when type.IsEnum => random.Next(8) == 0 ? $"({type.Name})17" : $"{type.Name}.{Pick(Enum.GetNames(type))}",
        _ when type == typeof(double) => Pick(Doubles),
        _ when type == typeof(int) => Pick(Integers),
        _ when type == typeof(bool) => Pick(["true", "false"]),
        _ when type == typeof(string) => Pick(Texts),
        _ when type == typeof(Type) => $"typeof({Pick(["Inner", "Other", "Net", "int"])})",
        _ when type == typeof(object[]) =>
            $"new object[] {{ {string.Join(", ", Enumerable.Range(0, random.Next(4)).Select(_ => Value(typeof(object))))} }}",
        // Most values are ones that may be right, so that many programs get past the first rule.
        _ => random.Next(8) != 0 ? Pick(["8", "16", "64", "4", "nameof(width)", "\"2 * width\"", "2"]) : Pick(Objects),
    };

    private T Pick<T>(IReadOnlyList<T> values) => values[random.Next(values.Count)];
}
