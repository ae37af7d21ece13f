using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Quantizers;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// <c>y[t,o] = S_t ws_o (q pᵀ)[t,o] + c_o</c>. Codes stored with a zero point, and halved codes u of p = 2u + 1, are
/// corrected in int64:
/// <c>q pᵀ = 2 (stored uᵀ + zero Σu) + Σ stored + zero K</c>.
/// </summary>
/// <param name="codes">Stored codes of x, int8 [n, in].</param>
/// <param name="zero">What was subtracted from q.</param>
/// <param name="step">S [N], N a divisor of n.</param>
/// <param name="weightScale">ws [out].</param>
/// <param name="storedSums">Row sums of the codes, int32 [n], if the weight's codes are halved; else null.</param>
/// <param name="offsets">c [out].</param>
/// <param name="levelSums">Row sums of the weight's codes, int32 [out], if there is a zero point; else null.</param>
/// <param name="y">float32 [n, out].</param>
internal readonly unsafe struct DequantizeEpilogue(
    Tensor codes, int zero, Tensor step, Tensor weightScale, Tensor? storedSums, Tensor offsets, Tensor? levelSums,
        Tensor y) : IGemmEpilogue
{
    // Columns whose scales and offsets stay in registers for all rows of a tile.
    private const int Block = 4 * Lanes.Count;

    private readonly int columns = (int)y.size(1), inner = (int)codes.size(1), steps = (int)step.numel(), zero = zero;
    private readonly float* target = y.Floats(), step = step.Floats();
    private readonly float* scales = weightScale.Floats(), offsets = offsets.Floats();
    private readonly int* levelSums = levelSums is null ? null : levelSums.Integers();
    private readonly int* storedSums = storedSums is null ? null : storedSums.Integers();

    private bool IsPlain => zero == 0 && storedSums == null;

    public void Store(int row, int rows, int first, int count, int* product, int stride)
    {
        var column = 0;
        for (; IsPlain && column <= count - Block; column += Block)
        {
            StoreBlock(row, rows, first + column, product + column, stride);
        }

        for (var r = 0; r < rows && column < count; r++)
        {
            StoreRow(row + r, first + column, count - column, product + ((long)r * stride) + column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void StoreBlock(int row, int rows, int first, int* product, int stride)
    {
        float* scale = scales + first, offset = offsets + first, values = target + ((long)row * columns) + first;
        var (scale0, scale1) = (Vector256.Load(scale), Vector256.Load(scale + Lanes.Count));
        var (scale2, scale3) = (Vector256.Load(scale + (2 * Lanes.Count)), Vector256.Load(scale + (3 * Lanes.Count)));
        var (offset0, offset1) = (Vector256.Load(offset), Vector256.Load(offset + Lanes.Count));
        var (offset2, offset3) =
            (Vector256.Load(offset + (2 * Lanes.Count)), Vector256.Load(offset + (3 * Lanes.Count)));
        // Locals, because fields are reloaded after every store.
        var each = step;
        var (at, count, next) = (row % steps, steps, columns);
        var least = Vector256.Create((float)LsqKernels.LeastStep);
        for (var r = 0; r < rows; r++, product += stride, values += next)
        {
            var s = Vector256.Max(Vector256.Create(each[at]), least);
            Scaled(product, s * scale0, offset0).Store(values);
            Scaled(product + Lanes.Count, s * scale1, offset1).Store(values + Lanes.Count);
            Scaled(product + (2 * Lanes.Count), s * scale2, offset2).Store(values + (2 * Lanes.Count));
            Scaled(product + (3 * Lanes.Count), s * scale3, offset3).Store(values + (3 * Lanes.Count));
            at = at + 1 == count ? 0 : at + 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scaled(int* product, Vector256<float> scale, Vector256<float> offset) =>
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.Load(product)), scale, offset);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void StoreRow(int row, int first, int count, int* product)
    {
        float* values = target + ((long)row * columns) + first, scale = scales + first, offset = offsets + first;
        var s = LsqKernels.Usable(step[row % steps]);
        var column = 0;
        for (var each = Vector256.Create(s); IsPlain && column <= count - Lanes.Count; column += Lanes.Count)
        {
            Scaled(product + column, each * Vector256.Load(scale + column), Vector256.Load(offset + column)).Store(
                values + column);
        }

        for (; column < count; column++)
        {
            // int64: 255 · 255 · 33,000 exceeds 32 bits.
            long whole = product[column] + (zero == 0 ? 0L : (long)zero * levelSums[first + column]);
            if (storedSums != null)
            {
                whole = (2 * whole) + storedSums[row] + ((long)zero * inner);
            }

            values[column] = (whole * (s * scale[column])) + offset[column];
        }
    }
}
