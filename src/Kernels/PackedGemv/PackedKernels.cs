using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Kernels.PackedGemv;

/// <summary>
/// Products of a few rows with a packed weight (GEMV): reading the weight bounds the time, so codes are unpacked in
/// registers.
/// </summary>
internal static unsafe class PackedKernels
{
    // Each row reads the codes again, from the cache; with more rows unpacking once and a GEMM is faster.
    private const int MaxRows = 4;

    /// <summary>Whether kernels can read the weight: contiguous on the CPU, float32 scales.</summary>
    public static bool Supports(PackedCodes weight) =>
        weight.Words.device_type == TorchSharp.DeviceType.CPU && weight.Words.is_contiguous()
            && weight.Scale.dtype == ScalarType.Float32;

    /// <summary>Whether <see cref="Linear"/> applies and gains.</summary>
    public static bool SupportsFloats(PackedCodes weight, Tensor x) =>
        Supports(weight) && Avx2.IsSupported && Fma.IsSupported && weight.Bits <= 4
        && TensorMemory.AreFloats(x) && x.is_contiguous() && x.size(0) <= MaxRows;

    /// <summary>Whether <see cref="Multiply"/> applies and gains: codes must not cross bytes.</summary>
    public static bool SupportsIntegers(PackedCodes weight, long rows) =>
        Supports(weight) && Avx2.IsSupported && weight.Bits is 2 or 4 && rows <= MaxRows;

    /// <summary>The levels in 8 bits, [out, in].</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="isHalved">Whether u is wanted of p = 2u + 1.</param>
    public static Tensor Unpack(PackedCodes weight, bool isHalved)
    {
        var levels = empty([weight.Words.size(0), weight.Columns], dtype: ScalarType.Int8);
        var kernel = new UnpackKernel
        {
            Packed = new PackedLayout(weight),
            Levels = levels.SignedBytes(),
            Factor = weight.IsOdd && !isHalved ? 2 : 1,
            Lowest = isHalved ? -(1 << (weight.Bits - 1)) : weight.Lowest,
        };
        ThreadTeam.Run(ref kernel, (int)levels.size(0), levels.numel());
        GC.KeepAlive(weight.Words);
        return levels;
    }

    /// <summary><c>x Ŵᵀ + b</c>, [n, out].</summary>
    /// <param name="x">float32 [n, in].</param>
    /// <param name="weight">The weight.</param>
    /// <param name="bias">float32 [out], or null.</param>
    public static Tensor Linear(Tensor x, PackedCodes weight, Tensor? bias)
    {
        var (rows, layout) = ((int)x.size(0), new PackedLayout(weight));
        using var prepared = empty([rows, layout.PaddedColumns], dtype: ScalarType.Float32);
        var sums = stackalloc double[rows];
        for (var row = 0; row < rows; row++)
        {
            sums[row] = FloatGemvKernel.Prepare(
                x.Floats() + ((long)row * layout.Columns), layout,
                    prepared.Floats() + ((long)row * layout.PaddedColumns));
        }

        var y = empty([rows, weight.Words.size(0)], dtype: ScalarType.Float32);
        var kernel = new FloatGemvKernel
        {
            Packed = layout,
            Rows = rows,
            Outputs = (int)weight.Words.size(0),
            X = prepared.Floats(),
            Sums = sums,
            Factor = weight.IsOdd ? 2 : 1,
            Lowest = weight.Lowest,
            Scale = weight.Scale.Floats(),
            Bias = bias is null ? null : bias.Floats(),
            Y = y.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)y.size(1), y.size(1) * x.size(1));
        GC.KeepAlive(weight);
        return y;
    }

    /// <summary><c>x pᵀ</c>, int32 [n, out].</summary>
    /// <param name="x">int8 [n, in].</param>
    /// <param name="weight">The weight.</param>
    public static Tensor Multiply(Tensor x, PackedCodes weight)
    {
        var (rows, outputs, layout) = ((int)x.size(0), (int)weight.Words.size(0), new PackedLayout(weight));
        using var ordered = empty([rows + 1, layout.PaddedColumns], dtype: ScalarType.Int8);
        var sums = stackalloc int[rows];
        var padded = ordered.SignedBytes() + ((long)rows * layout.PaddedColumns);
        for (var row = 0; row < rows; row++)
        {
            sums[row] = Int8GemvKernel.Reorder(
                x.SignedBytes() + ((long)row * layout.Columns), layout, padded,
                    ordered.SignedBytes() + ((long)row * layout.PaddedColumns));
        }

        var product = empty([rows, outputs], dtype: ScalarType.Int32);
        var kernel = new Int8GemvKernel
        {
            Packed = layout,
            Rows = rows,
            Outputs = outputs,
            X = ordered.SignedBytes(),
            Sums = sums,
            Factor = weight.IsOdd ? 2 : 1,
            Lowest = weight.Lowest,
            Product = product.Integers(),
        };
        ThreadTeam.Run(ref kernel, outputs, (long)outputs * layout.PaddedColumns);
        GC.KeepAlive(weight.Words);
        return product;
    }
}
