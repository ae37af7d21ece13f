namespace Marrow.Quantization;

/// <summary>The methods that quantize. This file is the only one that names them.</summary>
internal static class QuantizerMethods
{
    private static readonly Lsq.Method Steps = new();

    /// <summary>Of activations.</summary>
    public static IStepMethod Activations => Steps;

    /// <summary>Of frozen bases, adapted weights and products of weights: it has no parameters.</summary>
    public static WeightMethod Base { get; } = new StatsQ.Method();

    /// <summary>Of weights.</summary>
    public static WeightMethod Of(WeightQuantizer kind) => kind == WeightQuantizer.Lsq ? Steps : Base;
}
