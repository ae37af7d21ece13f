using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using Marrow.Native;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>
/// Products of levels on a device: libtorch's GEMM of small integers, which is exact, and kernels that scale it, the
/// text <c>levels.cu</c>. The GEMM is one of bfloat16 with sums in float32 where these hold every sum
/// (<see cref="ExactProducts"/>), else <c>_int_mm</c> of 8 bits where it takes the sizes.
/// </summary>
internal static class CudaLevels
{
    private const int Threads = 256, LogitThreads = 128;

    /// <summary>What a block of levels_scaled takes: STRIP, and WARPS · ROWS_OF_WARP of the text.</summary>
    private const long StripColumns = 256, GroupRows = 64;

    /// <summary>Of _int_mm on CUDA: more rows than this, and sizes that are multiples of it.</summary>
    private const long IntegerRows = 16, IntegerMultiple = 8;

    private const float LeastStep = (float)LsqKernels.LeastStep;

    /// <summary>The kernels over contiguous levels for numbers of a type; null if they do not apply.</summary>
    public static CudaModule? For(Tensor stored, ScalarType type) =>
        CudaKernels.DriverOf(stored) is { } driver && CudaEntry.Of(type) is { } entry && stored.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("levels", $"ENTRY={entry}");

    /// <summary><c>x̂ = S (q + zero) + after</c>.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="stored">q, int8 [n, in].</param>
    /// <param name="zero">What was taken from levels.</param>
    /// <param name="step">S, [N], N a divisor of n.</param>
    /// <param name="after">[in], or null.</param>
    /// <param name="type">That of the result.</param>
    public static Tensor Activations(
        CudaModule kernels, Tensor stored, int zero, Tensor step, Tensor? after, ScalarType type) =>
        Values(kernels, stored, step, LeastStep, factor: 1, zero, after, type);

    /// <summary><c>ŵ = ws p</c>.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="stored">p, or u of p = 2u + 1, int8 [out, in].</param>
    /// <param name="isHalved">Whether it is u.</param>
    /// <param name="scale">ws [out].</param>
    /// <param name="type">That of the result.</param>
    public static Tensor Weight(CudaModule kernels, Tensor stored, bool isHalved, Tensor scale, ScalarType type) =>
        Values(kernels, stored, scale, float.NegativeInfinity, isHalved ? 2 : 1, isHalved ? 1 : 0, null, type);

    /// <summary>
    /// <c>y[t,o] = S_t ws_o (q pᵀ)[t,o] + bias_o + ws_o Σ_k after_k p[o,k]</c>, [n, out]; null if no exact product is
    /// there for these sizes.
    /// </summary>
    /// <param name="kernels">From <see cref="For"/>, for the type of y.</param>
    /// <param name="x">q − zero, int8 [n, in].</param>
    /// <param name="ofX">Its range, or null if unknown.</param>
    /// <param name="zero">What was taken from q.</param>
    /// <param name="rowSteps">S, float32 [n].</param>
    /// <param name="weight">p, or u of p = 2u + 1, int8 [out, in].</param>
    /// <param name="ofWeight">Its range, or null if unknown.</param>
    /// <param name="isHalved">Whether it is u.</param>
    /// <param name="scale">ws [out].</param>
    /// <param name="after">[in], or null.</param>
    /// <param name="bias">[out], or null.</param>
    /// <param name="type">Of y.</param>
    public static Tensor? Linear(
        CudaModule kernels, Tensor x, IntegerRange? ofX, int zero, Tensor rowSteps, Tensor weight,
        IntegerRange? ofWeight, bool isHalved, Tensor scale, Tensor? after, Tensor? bias, ScalarType type)
    {
        var (rows, inner, columns) = (x.size(0), x.size(1), weight.size(0));
        var (left, right) = (Largest(ofX), Largest(ofWeight));
        var isOfFloats = ExactProducts.AreExact(left, right, inner, ExactProducts.OfFloats);
        var isOfIntegers = ExactProducts.AreExact(left, right, inner, ExactProducts.OfIntegers)
            && rows > IntegerRows && inner % IntegerMultiple == 0 && columns % IntegerMultiple == 0;
        if (!isOfFloats && !isOfIntegers)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var rounded = isOfFloats ? empty_like(weight, dtype: ScalarType.BFloat16) : null;
        var (offsets, sums) = (Floats(columns), Floats(columns));
        var wide = CudaFloats.Of(scale);
        kernels.LaunchWarps(
            "levels_weight", columns, weight, wide, CudaFloats.Of(after), CudaFloats.Of(bias), rounded, offsets, sums,
            columns, inner, isHalved ? 1 : 0);
        var product = isOfFloats
            ? CudaKernels.DriverOf(x)!.Multiply(x.to(ScalarType.BFloat16), rounded!.t())
            : TorchOperators.Call("aten::_int_mm", "", x, weight.t());
        var rowSums = isHalved ? x.sum([1], type: ScalarType.Int32) : null;
        var y = empty([rows, columns], dtype: type, device: x.device);
        kernels.Launch(
            isOfFloats ? "levels_scaled_floats" : "levels_scaled_integers",
            Ratio(rows, GroupRows) * Ratio(columns, StripColumns), Threads, product, CudaFloats.Of(rowSteps), wide,
            offsets, sums, rowSums, y, rows, columns, inner, (long)zero);
        return scope.MoveToOuter(y);

        Tensor Floats(long count) => empty([count], dtype: ScalarType.Float32, device: x.device);
    }

    /// <summary>dy ∘ ws and dy ∘ S in bfloat16.</summary>
    /// <param name="kernels">From <see cref="For"/>, for the type of dy.</param>
    /// <param name="dy">[n, out], contiguous.</param>
    /// <param name="scale">ws [out].</param>
    /// <param name="step">S [N], N a divisor of n.</param>
    public static (Tensor ByWeight, Tensor ByStep) Rounded(CudaModule kernels, Tensor dy, Tensor scale, Tensor step)
    {
        using var scope = NewDisposeScope();
        var byWeight = empty_like(dy, dtype: ScalarType.BFloat16);
        var byStep = empty_like(dy, dtype: ScalarType.BFloat16);
        kernels.LaunchWarps(
            "levels_rounded", dy.size(0), dy, CudaFloats.Of(scale), CudaFloats.Of(step), byWeight, byStep, dy.size(0),
            dy.size(1), step.numel(), LeastStep);
        return scope.MoveToOuter(byWeight, byStep);
    }

    /// <summary>The levels of values that are quantized already, in bfloat16, and products with vectors.</summary>
    /// <param name="kernels">From <see cref="For"/>, for float32.</param>
    /// <param name="values">x̂ [..., d], contiguous float32.</param>
    /// <param name="step">S, one for each position.</param>
    /// <param name="after">The shift after, [parts · d].</param>
    /// <param name="range">The levels.</param>
    /// <param name="vectors">[count · d].</param>
    /// <returns>Levels as x̂, and products [rows, count], in which NaN stays NaN.</returns>
    public static (Tensor Levels, Tensor Along) Requantized(
        CudaModule kernels, Tensor values, Tensor step, Tensor after, IntegerRange range, Tensor vectors)
    {
        using var scope = NewDisposeScope();
        var columns = values.size(-1);
        var (rows, parts, count) = (values.numel() / columns, after.numel() / columns, vectors.numel() / columns);
        var levels = empty_like(values, dtype: ScalarType.BFloat16);
        var along = empty([rows, count], dtype: ScalarType.Float32, device: values.device);
        kernels.LaunchWarps(
            "levels_requantized", rows, values, CudaFloats.Of(step), CudaFloats.Of(after), CudaFloats.Of(vectors),
            levels, along, rows, columns, step.numel(), parts, count, (float)range.Low, (float)range.High, LeastStep);
        return scope.MoveToOuter(levels, along);
    }

    /// <summary>QKR's logits from levels.</summary>
    /// <param name="kernels">From <see cref="For"/>, for float32.</param>
    /// <param name="x">From <see cref="Requantized"/>, of [B, N, d].</param>
    /// <param name="z">Of [B, N · heads, d].</param>
    /// <param name="step">S [N].</param>
    /// <param name="zStep">S′ [N · heads].</param>
    /// <param name="both">The products of both shifts, [heads].</param>
    /// <param name="scale">s.</param>
    /// <returns>[B, heads, N, N].</returns>
    public static Tensor Logits(
        CudaModule kernels, (Tensor Levels, Tensor Along) x, (Tensor Levels, Tensor Along) z, Tensor step,
        Tensor zStep, Tensor both, double scale)
    {
        using var scope = NewDisposeScope();
        var (batch, size, heads) = (x.Levels.size(0), x.Levels.size(1), both.numel());
        var product = CudaKernels.DriverOf(x.Levels)!.Multiply(x.Levels, z.Levels.transpose(1, 2));
        var y = empty([batch, heads, size, size], dtype: ScalarType.Float32, device: x.Levels.device);
        kernels.Launch(
            "levels_logits", batch * size, LogitThreads, product, CudaFloats.Of(step), CudaFloats.Of(zStep), x.Along,
            z.Along, CudaFloats.Of(both), y, (int)size, (int)heads, (float)scale, LeastStep);
        return scope.MoveToOuter(y);
    }

    private static Tensor Values(
        CudaModule kernels, Tensor stored, Tensor scale, float least, float factor, float added, Tensor? after,
        ScalarType type)
    {
        using var scope = NewDisposeScope();
        var values = empty_like(stored, dtype: type);
        kernels.LaunchWarps(
            "levels_values", stored.size(0), stored, CudaFloats.Of(scale), CudaFloats.Of(after), values, stored.size(0),
            stored.size(1), scale.numel(), least, factor, added);
        return scope.MoveToOuter(values);
    }

    private static long Largest(IntegerRange? range) => range is { } known
        ? Math.Max(Math.Abs(known.Low), Math.Abs(known.High))
        : -sbyte.MinValue;

    private static long Ratio(long count, long of) => (count + of - 1) / of;
}
