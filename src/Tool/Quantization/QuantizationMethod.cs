using Marrow.Models;

namespace Marrow.Tool.Quantization;

/// <summary>Ways to quantize, by their names on the command line.</summary>
internal static class QuantizationMethod
{
    /// <summary>The quantized class of each architecture.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<Type, Type>> All { get; } =
        new Dictionary<string, IReadOnlyDictionary<Type, Type>>
        {
            ["lsq"] = Classes(typeof(LsqVisionTransformer), typeof(LsqDeiT), typeof(LsqSwin)),
            ["statsq"] = Classes(typeof(StatsQVisionTransformer), typeof(StatsQDeiT), typeof(StatsQSwin)),
            ["statsq+qkr"] = Classes(typeof(QkrVisionTransformer), typeof(QkrDeiT), typeof(QkrSwin)),
            ["statsq+qkr+cga"] = Classes(typeof(CgaVisionTransformer), typeof(CgaDeiT), typeof(CgaSwin)),
        };

    /// <summary>Whether a method ends with an annealing phase.</summary>
    public static bool Anneals(string method) => method.EndsWith("cga", StringComparison.Ordinal);

    private static Dictionary<Type, Type> Classes(Type transformer, Type distilled, Type swin) => new()
    {
        [typeof(VisionTransformer)] = transformer,
        [typeof(DeiT)] = distilled,
        [typeof(Swin)] = swin,
    };
}
