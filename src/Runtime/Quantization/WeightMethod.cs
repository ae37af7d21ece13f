using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>A method that quantizes weights, a value of <see cref="WeightQuantizer"/>.</summary>
internal abstract class WeightMethod
{
    /// <summary>How it learns a step for each row; null if scales follow from the weights.</summary>
    public virtual IStepMethod? Steps => null;

    /// <summary>Whether its levels lie between whole numbers, so that they are stored as odd p = 2u + 1.</summary>
    public virtual bool IsOdd => false;

    /// <summary>What is wrong with these bits, or null.</summary>
    public abstract string? BitsError(long bits);

    /// <summary>ŵ, differentiable.</summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="step">[out]; null where no step is learned.</param>
    /// <param name="bits">Bits of the levels.</param>
    public abstract Tensor Quantize(Tensor weight, Tensor? step, int bits);

    /// <summary>The codes of a weight, which is contiguous.</summary>
    public abstract WeightLevels Codes(Tensor weight, Tensor? step, int bits);

    /// <summary>What one level is worth, [out]; the caller owns it.</summary>
    public abstract Tensor LevelWidth(Tensor weight, Tensor? step, int bits);

    /// <summary>
    /// Positions on the grid of levels: a weight's level is its rounded position, and the boundaries lie at whole
    /// numbers and a half.
    /// </summary>
    public abstract Tensor GridPosition(Tensor weight, Tensor? step, int bits);
}

/// <summary>A method that quantizes any tensor by steps that are trained.</summary>
internal interface IStepMethod
{
    /// <summary>x̂, differentiable.</summary>
    Tensor Quantize(
        Tensor x, Tensor step, LevelRange range, ScaleGranularity sharing, Tensor? before, Tensor? after);

    /// <summary><see cref="Quantize"/> of attention weights, <c>softmax(logits + bias)</c>.</summary>
    /// <param name="logits">[B, heads, N, N].</param>
    /// <param name="bias">[1 or B, heads, N, N], or null.</param>
    /// <param name="step">[N], one for each query.</param>
    /// <param name="range">Unsigned levels.</param>
    Tensor QuantizeSoftmax(Tensor logits, Tensor? bias, Tensor step, LevelRange range);

    /// <summary>The gradients of <see cref="Quantize"/>, for backwards that are written out.</summary>
    StepGradients Gradients(
        Tensor dy, Tensor x, Tensor step, LevelRange range, ScaleGranularity sharing, Tensor? before, bool hasAfter);

    /// <summary>The steps that the first batch gives.</summary>
    Tensor InitialStep(Tensor x, Tensor? before, LevelRange range, ScaleGranularity sharing, double constant);
}
