using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>LSQ by CUDA kernels: the text <c>lsq.cu</c>.</summary>
internal static class CudaLsq
{
    /// <summary>The kernels for x [n, in], float32 or bfloat16; null if they do not apply.</summary>
    public static CudaModule? For(Tensor x) =>
        CudaKernels.DriverOf(x) is { } driver && CudaEntry.Of(x) is { } entry && x.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("lsq", $"ENTRY={entry}");

    /// <summary>Activations to codes; false if there is a NaN, for which the CPU waits for the device.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="x">[n, in].</param>
    /// <param name="step">[N], N a divisor of n, or [1].</param>
    /// <param name="before">Added to x, [in], or null.</param>
    /// <param name="range">The levels.</param>
    /// <param name="offset">Taken from levels.</param>
    /// <param name="stored">int8 [n, in], which takes the codes.</param>
    public static bool Levels(
        CudaModule kernels, Tensor x, Tensor step, Tensor? before, IntegerRange range, int offset, Tensor stored)
    {
        using var scope = NewDisposeScope();
        var hasNaN = zeros(1, dtype: ScalarType.Int32, device: x.device);
        kernels.LaunchWarps(
            "lsq_levels", x.size(0), x, Wide(step), OptionalWide(before), stored, hasNaN, x.size(0),
            x.size(1), step.numel(), (float)range.Low, (float)range.High, (float)offset);
        return hasNaN.item<int>() == 0;
    }

    /// <summary>x̂, as x.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="layout">Which rows share a step; not one for each column.</param>
    /// <param name="range">The levels.</param>
    /// <param name="x">The tensor.</param>
    /// <param name="step">The steps.</param>
    /// <param name="before">Added to x, [m · columns] where rows repeat every m, or null.</param>
    /// <param name="after">Added to the result, likewise.</param>
    public static Tensor Quantize(
        CudaModule kernels, ScaleLayout layout, IntegerRange range, Tensor x, Tensor step, Tensor? before,
        Tensor? after)
    {
        using var scope = NewDisposeScope();
        var y = empty_like(x);
        kernels.LaunchWarps(
            "lsq_values", layout.Rows, x, Wide(step), OptionalWide(before), OptionalWide(after), y, (long)layout.Rows,
            (long)layout.Columns, (long)layout.Steps, Parts(layout, x, before), Parts(layout, x, after),
            (float)range.Low, (float)range.High);
        return scope.MoveToOuter(y);
    }

    /// <summary>dx, as x, and the step's gradient before it is scaled, float32 [steps].</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="layout">Which rows share a step; not one for each column.</param>
    /// <param name="range">The levels.</param>
    /// <param name="dy">Gradient of x̂, as x.</param>
    /// <param name="x">The tensor.</param>
    /// <param name="step">The steps.</param>
    /// <param name="before">Added to x, or null.</param>
    public static (Tensor Input, Tensor Step) Gradients(
        CudaModule kernels, ScaleLayout layout, IntegerRange range, Tensor dy, Tensor x, Tensor step, Tensor? before)
    {
        using var scope = NewDisposeScope();
        var dx = empty_like(x);
        var ofRows = empty([layout.Rows / layout.Steps, layout.Steps], dtype: ScalarType.Float32, device: x.device);
        kernels.LaunchWarps(
            "lsq_gradients", layout.Rows, dy, x, Wide(step), OptionalWide(before), dx, ofRows, (long)layout.Rows,
            (long)layout.Columns, (long)layout.Steps, Parts(layout, x, before), (float)range.Low, (float)range.High);
        return scope.MoveToOuter(dx, ofRows.sum([0]));
    }

    /// <summary>How many rows a shift has before it repeats.</summary>
    private static long Parts(ScaleLayout layout, Tensor x, Tensor? shift) =>
        shift is null ? 1 : layout.Parts(x, shift).size(1);

    private static Tensor? OptionalWide(Tensor? value) => value is null ? null : Wide(value);

    private static Tensor Wide(Tensor value) => value.detach().to(ScalarType.Float32).contiguous();
}
