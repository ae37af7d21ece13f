using Marrow.Kernels.PackedGemv;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Packed weights by CUDA kernels: the text <c>packed.cu</c>.</summary>
internal static class CudaPacked
{
    /// <summary>
    /// With more rows than these unpacking once and a GEMM is faster: the product computes as much as it reads.
    /// </summary>
    private const int MaxRows = 4;

    private const long OutputsOfWarp = 2;

    /// <summary>The kernels for a weight and numbers of a type; null if they do not apply.</summary>
    public static CudaModule? For(PackedCodes weight, ScalarType type) =>
        CudaKernels.DriverOf(weight.Words) is { } driver && CudaEntry.Of(type) is { } entry
            && weight.Words.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry, weight.Bits))
            : null;

    public static KernelText Text(string entry, int bits) => new("packed", $"BITS={bits} ENTRY={entry}");

    /// <summary>The levels in 8 bits, [out, in].</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="isHalved">Whether u is wanted of p = 2u + 1.</param>
    public static Tensor Unpack(CudaModule kernels, PackedCodes weight, bool isHalved)
    {
        var levels = New(weight, ScalarType.Int8);
        var (factor, added) = isHalved ? (1, 0) : Level(weight);
        kernels.LaunchWarps(
            "packed_levels", levels.size(0), weight.Words, levels, levels.size(0), weight.Columns,
            weight.Words.size(1), factor, added);
        return levels;
    }

    /// <summary>ŵ [out, in].</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="type">That of ŵ.</param>
    public static Tensor Dequantize(CudaModule kernels, PackedCodes weight, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var values = New(weight, type);
        var (factor, added) = Level(weight);
        kernels.LaunchWarps(
            "packed_values", values.size(0), weight.Words, CudaFloats.Of(weight.Scale), values, values.size(0),
            weight.Columns, weight.Words.size(1), factor, added);
        return scope.MoveToOuter(values);
    }

    /// <summary>Whether <see cref="Linear"/> applies and gains.</summary>
    public static bool Suits(Tensor x) => x.size(0) is > 0 and <= MaxRows && x.is_contiguous();

    /// <summary><c>x Ŵᵀ + b</c>, [n, out].</summary>
    /// <param name="kernels">From <see cref="For"/>, for the type of x.</param>
    /// <param name="x">[n, in], which <see cref="Suits"/>.</param>
    /// <param name="weight">The weight.</param>
    /// <param name="bias">[out], or null.</param>
    public static Tensor Linear(CudaModule kernels, Tensor x, PackedCodes weight, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var outputs = weight.Words.size(0);
        var y = empty([x.size(0), outputs], dtype: x.dtype, device: x.device);
        var (factor, added) = Level(weight);
        kernels.LaunchWarps(
            $"packed_product_{x.size(0)}", (outputs + OutputsOfWarp - 1) / OutputsOfWarp, weight.Words,
            CudaFloats.Of(weight.Scale), x, CudaFloats.Of(bias), y, outputs, weight.Columns, weight.Words.size(1),
            factor, added);
        return scope.MoveToOuter(y);
    }

    /// <summary>p = factor u + added.</summary>
    private static (float Factor, float Added) Level(PackedCodes weight) => weight.IsOdd ? (2, 1) : (1, 0);

    private static Tensor New(PackedCodes weight, ScalarType type) =>
        empty([weight.Words.size(0), weight.Columns], dtype: type, device: weight.Words.device);
}
