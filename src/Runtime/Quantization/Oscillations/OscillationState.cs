using Marrow.Cuda;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.Quantization.Oscillations;

/// <summary>
/// Oscillation of the levels of one weight, and iterative freezing (arXiv 2203.11086, sections 3 and 5): an oscillation
/// is a change of level against the direction of the change before. Its frequency is an exponential average, <c>f = m o
/// + (1 − m) f</c> with o = 1 at an oscillation, else 0.
/// </summary>
internal sealed class OscillationState : IDisposable
{
    private readonly double momentum;
    private readonly Tensor direction, total, frozenLevels;
    private readonly Tensor? averageLevel;

    /// <summary>Starts at the given levels.</summary>
    /// <param name="levels">int8, any shape.</param>
    /// <param name="momentum">m.</param>
    /// <param name="freezesAtAverage">
    /// Whether a weight freezes at its average level, as in the paper, or at its present one.
    /// </param>
    public OscillationState(Tensor levels, double momentum = 0.01, bool freezesAtAverage = true)
    {
        this.momentum = momentum;
        using var scope = NewDisposeScope();
        Levels = Owned(levels.clone());
        direction = Owned(zeros_like(levels));
        Frequency = Owned(zeros(levels.shape, dtype: ScalarType.Float32, device: levels.device));
        total = Owned(zeros(levels.shape, dtype: ScalarType.Int32, device: levels.device));
        Frozen = Owned(zeros(levels.shape, dtype: ScalarType.Bool, device: levels.device));
        frozenLevels = Owned(zeros_like(levels));
        averageLevel = freezesAtAverage ? Owned(levels.to(ScalarType.Float32)) : null;
    }

    /// <summary>The levels of the last update, with frozen ones in place; int8.</summary>
    public Tensor Levels { get; }

    /// <summary>f, float32.</summary>
    public Tensor Frequency { get; }

    /// <summary>How often each weight has oscillated, int32.</summary>
    public Tensor Total => total;

    /// <summary>The direction of each weight's last change, int8: −1 up, 1 down, 0 none yet.</summary>
    public Tensor Direction => direction;

    /// <summary>Which weights are frozen, bool.</summary>
    public Tensor Frozen { get; }

    /// <summary>The state by name, for checkpoints.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors
    {
        get
        {
            (string, Tensor)[] always =
                [("levels", Levels), ("direction", direction), ("frequency", Frequency), ("total", total),
                    ("frozen", Frozen), ("frozen_levels", frozenLevels)];
            return averageLevel is null ? always : always.Append(("average_level", averageLevel));
        }
    }

    /// <summary>Takes the levels after a step.</summary>
    /// <param name="levels">int8, as at the start.</param>
    /// <param name="freezeThreshold">Weights that oscillate more often than this freeze for good; 0: none.</param>
    /// <returns>How many weights have changed their level, a number on their device.</returns>
    public Tensor Update(Tensor levels, double freezeThreshold = 0)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var freezes = freezeThreshold > 0;
        levels = levels.contiguous();
        if (CudaOscillation.For(levels, freezes) is { } kernels)
        {
            return scope.MoveToOuter(CudaOscillation.Update(
                kernels, levels, Levels, direction, Frequency, total, (Frozen, frozenLevels, averageLevel), momentum,
                freezeThreshold));
        }

        if (!freezes && Levels.device_type == TorchSharp.DeviceType.CPU)
        {
            return scope.MoveToOuter(tensor(
                OscillationKernel.Update(levels, Levels, direction, Frequency, total, momentum),
                device: Levels.device));
        }

        var now = freezes ? where(Frozen, frozenLevels, levels) : levels;

        // Signs by comparison: a difference of 8-bit levels need not fit 8 bits.
        var sign = Levels.gt(now).to(ScalarType.Int8).sub_(Levels.lt(now).to(ScalarType.Int8));
        var hasOscillated = (direction * sign).lt(0);
        Frequency.mul_(1 - momentum).add_(hasOscillated, alpha: momentum);
        total.add_(hasOscillated);
        var hasChanged = sign.ne(0);
        direction.copy_(where(hasChanged, sign, direction));
        Levels.copy_(now);
        if (freezes)
        {
            Freeze(now, freezeThreshold);
        }

        return scope.MoveToOuter(hasChanged.count_nonzero());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, tensor) in Tensors)
        {
            tensor.Dispose();
        }
    }

    /// <summary>
    /// A frozen weight's level is set anew as long as its frequency stays above the threshold; it never thaws.
    /// </summary>
    private void Freeze(Tensor now, double threshold)
    {
        var isOver = Frequency.gt(threshold);
        Frozen.logical_or_(isOver);
        frozenLevels.copy_(where(
            isOver, averageLevel is null ? now : averageLevel.round().to(ScalarType.Int8), frozenLevels));
        averageLevel?.mul_(1 - momentum).add_(now, alpha: momentum);
    }

    private static Tensor Owned(Tensor value) => value.DetachFromDisposeScope();
}
