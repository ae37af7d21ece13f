using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>LSQ by CUDA kernels: the text <c>lsq.cu</c>.</summary>
internal static class CudaLsq
{
    /// <summary>
    /// Rows that a block of the gradients sums, and columns: WARPS · ROWS_OF_WARP and STRIP of the text.
    /// </summary>
    private const long GroupRows = 64, StripColumns = 256;

    /// <summary>Columns of a warp of the values: CHUNK.</summary>
    private const long ChunkColumns = 2048;

    private const int Threads = 256;

    /// <summary>The kernels for a contiguous x of float32, bfloat16 or float16; null if they do not apply.</summary>
    public static CudaModule? For(Tensor x) =>
        CudaKernels.DriverOf(x) is { } driver && CudaEntry.Of(x) is { } entry && x.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("lsq", $"ENTRY={entry}");

    /// <summary>Activations to codes.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="x">[n, in].</param>
    /// <param name="step">[N], N a divisor of n, or [1].</param>
    /// <param name="before">Added to x, [in], or null.</param>
    /// <param name="range">The levels.</param>
    /// <param name="offset">Taken from levels.</param>
    /// <param name="stored">int8 [n, in], which takes the codes.</param>
    /// <returns>S of each row, float32 [n]; NaN for rows that hold one.</returns>
    public static Tensor Levels(
        CudaModule kernels, Tensor x, Tensor step, Tensor? before, IntegerRange range, int offset, Tensor stored)
    {
        using var scope = NewDisposeScope();
        var rowSteps = empty([x.size(0)], dtype: ScalarType.Float32, device: x.device);
        kernels.LaunchWarps(
            "lsq_levels", x.size(0), x, CudaFloats.Of(step), CudaFloats.Of(before), stored, rowSteps, x.size(0),
            x.size(1), step.numel(), (float)range.Low, (float)range.High, (float)offset);
        return scope.MoveToOuter(rowSteps);
    }

    /// <summary>x̂, as x.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="layout">Which rows or columns share a step.</param>
    /// <param name="range">The levels; −1 to 1 are signs.</param>
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
            "lsq_values", layout.Rows * Ratio(layout.Columns, ChunkColumns), x, CudaFloats.Of(step),
            CudaFloats.Of(before), CudaFloats.Of(after), y, (long)layout.Rows, (long)layout.Columns,
            (long)layout.Steps, Parts(layout, x, before), Parts(layout, x, after),
            layout.IsPerColumn ? 1 : 0, (float)range.Low, (float)range.High);
        return scope.MoveToOuter(y);
    }

    /// <summary>dx, as x, and in float32 the gradients of step and shifts, in their shapes.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="layout">Which rows or columns share a step.</param>
    /// <param name="range">The levels; −1 to 1 are signs.</param>
    /// <param name="dy">Gradient of x̂, as x.</param>
    /// <param name="x">The tensor.</param>
    /// <param name="step">The steps.</param>
    /// <param name="scale">What their gradient is multiplied with.</param>
    /// <param name="before">Added to x, or null.</param>
    /// <param name="afterSize">How many numbers the shift after has; 0: there is none.</param>
    public static (Tensor Input, Tensor Step, Tensor? Before, Tensor? After) Gradients(
        CudaModule kernels, ScaleLayout layout, IntegerRange range, Tensor dy, Tensor x, Tensor step, double scale,
        Tensor? before, long afterSize)
    {
        using var scope = NewDisposeScope();
        var (ofBefore, ofAfter) = (Parts(layout, x, before), Math.Max(1, afterSize / layout.Columns));
        var parts = LeastMultiple(ofBefore, ofAfter);
        var chunks = Ratio(layout.Rows / parts, GroupRows);
        var strips = Ratio(layout.Columns, StripColumns);
        var dx = empty_like(x);
        var rowSteps = layout.IsPerColumn ? null : Floats(strips * layout.Rows);

        // Sums over columns, one kind behind the other in each row, so that one sum is that of all.
        var size = parts * layout.Columns;
        var kinds = new[] { layout.IsPerColumn, before is not null, afterSize > 0 };
        var stride = size * kinds.Count(isWanted => isWanted);
        var sums = Floats(chunks * stride);
        kernels.Launch(
            "lsq_gradients", chunks * parts * strips, Threads, dy, x, CudaFloats.Of(step), CudaFloats.Of(before), dx,
            rowSteps ?? Kind(sums, 0), Kind(sums, 1), Kind(sums, 2), stride, (long)layout.Rows, (long)layout.Columns,
            (long)layout.Steps, ofBefore, parts, layout.IsPerColumn ? 1 : 0, (float)scale, (float)range.Low,
            (float)range.High);
        var total = stride == 0 || chunks == 1 ? sums : sums.view(chunks, stride).sum([0]);
        return (
            scope.MoveToOuter(dx),
            scope.MoveToOuter(rowSteps?.view(-1, layout.Steps).sum([0]) ?? Total(0, 1)!),
            Total(1, ofBefore)?.MoveToOuterDisposeScope(),
            Total(2, ofAfter)?.MoveToOuterDisposeScope());

        Tensor Floats(long count) => empty([count], dtype: ScalarType.Float32, device: x.device);

        // From where a kind begins.
        Tensor? Kind(Tensor of, int kind) => kinds[kind]
            ? of.slice(0, size * kinds.Take(kind).Count(isWanted => isWanted), of.numel(), 1)
            : null;

        Tensor? Total(int kind, long ofParts) => Kind(total, kind)?.narrow(0, 0, size) is not { } own ? null
            : ofParts == parts ? own : own.view(-1, ofParts * layout.Columns).sum([0]);
    }

    /// <summary>How many rows a shift has before it repeats.</summary>
    private static long Parts(ScaleLayout layout, Tensor x, Tensor? shift) =>
        shift is null ? 1 : layout.Parts(x, shift).size(1);

    private static long Ratio(long count, long of) => (count + of - 1) / of;

    private static long LeastMultiple(long a, long b) =>
        a / (long)System.Numerics.BigInteger.GreatestCommonDivisor(a, b) * b;
}
