using System.ComponentModel;
using Marrow.Autograd;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Learned step size quantization (LSQ, arXiv 1902.08153) with learnable shifts before and after:
/// <c>x̂ = S round(clip((x + before) / S, low, high)) + after</c>, S = max(step, 1e-5), halves rounded to even.
/// Gradients pass the rounding straight through:
/// <c>dx = dy</c> inside the range, else 0; <c>dbefore = Σ dx</c>; <c>dafter = Σ dy</c>;
/// <c>dstep = Σ dy (round(q) − [inside] (x + before) / S) / sqrt(high · count)</c>.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static partial class Lsq
{
    /// <summary>The floor of S.</summary>
    internal const double LeastStep = LsqKernels.LeastStep;

    /// <summary>x̂, differentiable; forward and backward are one pass each.</summary>
    /// <param name="x">The tensor; NaN stays NaN.</param>
    /// <param name="step">The steps, as many as <paramref name="sharing"/> says.</param>
    /// <param name="range">The levels.</param>
    /// <param name="sharing">Which elements share a step.</param>
    /// <param name="before">
    /// Added to x: [C] over the last dimension C, or [m · C] where rows repeat every m. With
    /// <see cref="ScaleGranularity.ImageChannel"/> a map [H · W] that all channels share.
    /// </param>
    /// <param name="after">Added to the result, likewise.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    internal static Tensor Quantize(
        Tensor x, Tensor step, LevelRange range, ScaleGranularity sharing, Tensor? before = null,
            Tensor? after = null) =>
        EagerMode.IsOn
            ? Plain(x, step, range, sharing, before, after)
            : OperationFunction.Run(
                new QuantizeOperation(range, Layout(x, step, sharing)), x.contiguous(), step, before, after);

    /// <summary>The same by ordinary differentiable operations.</summary>
    internal static Tensor Plain(
        Tensor x, Tensor step, LevelRange range, ScaleGranularity sharing, Tensor? before = null, Tensor? after = null)
    {
        using var scope = NewDisposeScope();
        var layout = Layout(x, step, sharing);
        var s = layout.Spread(LearnedStep(step, (double)range.High * layout.Count));
        var shifted = before is null ? x : Shift(layout, x, before);
        var quantized = (StraightThrough.Level(layout.Grouped(shifted) / s, range) * s).view(x.shape);
        return scope.MoveToOuter(after is null ? quantized : Shift(layout, quantized, after));
    }

    /// <summary>The codes of a weight with one step per row.</summary>
    /// <param name="weight">[out, in].</param>
    /// <param name="step">[out].</param>
    /// <param name="range">Signed levels.</param>
    public static WeightLevels Codes(Tensor weight, Tensor step, LevelRange range)
    {
        var levels = ActivationLevels.Of(weight, step, before: null, range);
        return new(levels.Stored, levels.RowSteps ?? step.clamp_min(LeastStep), false) { Span = levels.Span };
    }

    /// <summary>
    /// S = max(step, 1e-5), with the gradient of the step divided by sqrt(<paramref name="count"/>) so that steps and
    /// weights learn at like rates (LSQ, section 2.2).
    /// </summary>
    /// <param name="step">[steps].</param>
    /// <param name="count">The highest level times the number of elements that share a step.</param>
    public static Tensor LearnedStep(Tensor step, double count)
    {
        var floored = StraightThrough.To(step.clamp_min(LeastStep), step);
        return StraightThrough.To(floored, floored / Math.Sqrt(count));
    }

    /// <summary>
    /// The step that the first batch gives: <c>c · mean|x| / sqrt(high)</c> over the elements that share it; c is 2, or
    /// 4 for an unsigned range.
    /// </summary>
    /// <param name="x">The tensor, already shifted.</param>
    /// <param name="range">The levels.</param>
    /// <param name="sharing">Which elements share a step.</param>
    /// <param name="constant">c.</param>
    /// <returns>[steps].</returns>
    internal static Tensor InitialStep(Tensor x, LevelRange range, ScaleGranularity sharing, double constant)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layout = sharing.LayoutOf(x);
        return scope.MoveToOuter(
            layout.Gather(layout.Grouped(x.detach().abs())).mul_(constant / (layout.Count * Math.Sqrt(range.High))));
    }

    /// <summary>The gradients of <see cref="Quantize"/>, for backwards that are written out.</summary>
    /// <param name="dy">Gradient of x̂, contiguous.</param>
    /// <param name="x">The tensor that was quantized, contiguous.</param>
    /// <param name="step">The steps.</param>
    /// <param name="range">The levels.</param>
    /// <param name="sharing">Which elements share a step.</param>
    /// <param name="before">The shift before, or null.</param>
    /// <param name="hasAfter">Whether there is a shift after.</param>
    internal static StepGradients Gradients(
        Tensor dy, Tensor x, Tensor step, LevelRange range, ScaleGranularity sharing, Tensor? before, bool hasAfter) =>
        QuantizeOperation.Gradients(
            Layout(x, step, sharing), range, dy, x, step, before, hasAfter ? before?.numel() ?? x.size(-1) : 0);

    private static ScaleLayout Layout(Tensor x, Tensor step, ScaleGranularity sharing)
    {
        var layout = sharing.LayoutOf(x);
        return step.numel() == layout.Steps
            ? layout
            : throw new ArgumentException(
                $"A tensor [{string.Join(", ", x.shape)}] needs {layout.Steps} steps, one per {sharing}; "
                + $"there are {step.numel()}.",
                nameof(x));
    }

    internal static Tensor Shift(ScaleLayout layout, Tensor x, Tensor shift) =>
        (layout.Parts(x, shift) + layout.SpreadShift(shift)).view(x.shape);
}
