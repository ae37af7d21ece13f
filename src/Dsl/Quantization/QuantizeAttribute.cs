namespace Marrow;

/// <summary>
/// Low-bit weights and activations (oscillation-free quantization, arXiv 2302.02210). On a class it quantizes every
/// linear layer, convolution and attention that <see cref="Targets"/> matches; on a property, that layer. Integer
/// options also accept an expression over the constructor's parameters.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false)]
public sealed class QuantizeAttribute : Attribute
{
    /// <summary>Bits of the weights, 2 to 8; 1 too with <see cref="WeightQuantizer.Lsq"/>. Must be given.</summary>
    public object Bits { get; set; } = 0;

    /// <summary>Bits of the activations, 2 to 8; 0 leaves them as they are. 0 if not given.</summary>
    public object Activations { get; set; } = 0;

    /// <summary>How weights are quantized. StatsQ if not given.</summary>
    public WeightQuantizer Weights { get; set; }

    /// <summary>What is done against oscillation of the weights. Nothing if not given.</summary>
    public Oscillation Oscillation { get; set; }

    /// <summary>
    /// With <see cref="Oscillation.Cga"/>: how near to a rounding boundary, in levels, a weight stays live. 0.005 if
    /// not given.
    /// </summary>
    public double BoundaryRange { get; set; } = 0.005;

    /// <summary>What is quantized where the layer has an adapter too. Merged if not given.</summary>
    public QuantizeScope Scope { get; set; }

    /// <summary>
    /// Bits of the first and last layers, the convolutions and the output heads, weights and activations alike; they
    /// use LSQ, as in the paper. 0 leaves them as they are. 8 if not given. Only on a class without
    /// <see cref="Targets"/>.
    /// </summary>
    public object EndBits { get; set; } = 8;

    /// <summary>
    /// Whether the products of the backward pass run in bfloat16: levels are exact in it, gradients are not (error
    /// about 3e-3 of the largest entry). On the CPU it takes effect only where the processor has bfloat16 products and
    /// they are faster than those of float32, which is measured once.
    /// </summary>
    public bool Bfloat16Backward { get; set; }

    /// <summary>Patterns over layer names, joined by <c>|</c>. All layers if not given.</summary>
    public string? Targets { get; set; }

    /// <summary>Patterns of layers that are left out of those. None if not given.</summary>
    public string? Exclude { get; set; }
}

/// <summary>Quantizers of weights.</summary>
public enum WeightQuantizer
{
    /// <summary>
    /// Levels from the statistics of each row, scale 2 mean|w|; no learnable scale that could oscillate (arXiv
    /// 2302.02210).
    /// </summary>
    StatsQ,

    /// <summary>A learnable step for each row (LSQ, arXiv 1902.08153).</summary>
    Lsq,
}

/// <summary>Treatments of weights that jump between two levels.</summary>
public enum Oscillation
{
    /// <summary>None.</summary>
    None,

    /// <summary>
    /// Confidence-guided annealing: after training, only weights near a rounding boundary go on (arXiv 2302.02210).
    /// </summary>
    Cga,

    /// <summary>Weights that oscillate too often are frozen for good (iterative freezing, arXiv 2203.11086).</summary>
    Freeze,

    /// <summary>A loss pulls weights toward the middle of their level (dampening, arXiv 2203.11086).</summary>
    Dampen,
}

/// <summary>What is quantized where a layer has an adapter.</summary>
public enum QuantizeScope
{
    /// <summary><c>W′ = Quantize(Adapt(W))</c>: the merged weight is on the grid while the adapter trains.</summary>
    Merged,

    /// <summary><c>W′ = Adapt(Quantize(W))</c>: the frozen base is stored packed, the adapter stays as it is.</summary>
    FrozenBase,
}
