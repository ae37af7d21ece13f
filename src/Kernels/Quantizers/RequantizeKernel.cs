using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.Quantizers;

/// <summary>
/// Codes of values that are quantized already, <c>q = round((x̂ − after) / S)</c>, and in the same pass the products of
/// each row with some vectors.
/// </summary>
internal unsafe struct RequantizeKernel : IRangeKernel
{
    private int columns, steps, parts, count;
    private float low, high;
    private float* values, step, after, vectors, along;
    private sbyte* levels;
    private bool* isFaulty;

    /// <param name="values">[..., d].</param>
    /// <param name="step">S, one for each position.</param>
    /// <param name="after">The shift after.</param>
    /// <param name="range">Range of the codes.</param>
    /// <param name="parts">Parts of the shift; row r takes part r mod parts.</param>
    /// <param name="along">[vectors · d].</param>
    /// <param name="vectors">Number of vectors.</param>
    /// <returns>Codes in the shape of the values, and products [rows, vectors]; null if there is a NaN.</returns>
    public static (Tensor Levels, Tensor Along)? Run(
        Tensor values, Tensor step, Tensor after, IntegerRange range, long parts, Tensor along, long vectors)
    {
        var (columns, faulty) = (values.size(-1), false);
        var levels = empty_like(values, dtype: ScalarType.Int8);
        var products = empty([values.numel() / columns, vectors], dtype: ScalarType.Float32);
        var kernel = new RequantizeKernel
        {
            columns = (int)columns,
            steps = (int)step.numel(),
            parts = (int)parts,
            count = (int)vectors,
            low = range.Low,
            high = range.High,
            values = values.Floats(),
            step = step.Floats(),
            after = after.Floats(),
            vectors = along.Floats(),
            along = products.Floats(),
            levels = levels.SignedBytes(),
            isFaulty = &faulty,
        };
        ThreadTeam.Run(ref kernel, (int)products.size(0), values.numel());
        return faulty ? null : (levels, products);
    }

    public readonly void Run(int first, int end, int part)
    {
        for (var row = first; row < end; row++)
        {
            var offset = (long)row * columns;
            Row(values + offset, after + (row % parts * (long)columns), 1 / LsqKernels.Usable(step[row % steps]),
                levels + offset);
            for (var vector = 0; vector < count; vector++)
            {
                along[((long)row * count) + vector] = Product(values + offset, vectors + ((long)vector * columns));
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private readonly void Row(float* row, float* shift, float inverse, sbyte* target)
    {
        var (least, most, numbers, column) =
            (Vector256.Create(low), Vector256.Create(high), Vector256<float>.AllBitsSet, 0);
        for (var each = Vector256.Create(inverse); column <= columns - Lanes.Count; column += Lanes.Count)
        {
            var level = (Vector256.Load(row + column) - Vector256.Load(shift + column)) * each;
            numbers &= Vector256.Equals(level, level);
            Lanes.Store(Vector256.Round(LsqKernels.Clip(level, least, most)), target + column);
        }

        var isNumber = Vector256.EqualsAll(numbers.AsInt32(), Vector256<int>.AllBitsSet);
        for (; column < columns; column++)
        {
            var level = (row[column] - shift[column]) * inverse;
            isNumber &= !float.IsNaN(level);
            target[column] = (sbyte)MathF.Round(Math.Clamp(level, low, high));
        }

        if (!isNumber)
        {
            *isFaulty = true;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private readonly float Product(float* row, float* vector)
    {
        var (sums, rest, column) = (Vector256<float>.Zero, 0f, 0);
        for (; column <= columns - Lanes.Count; column += Lanes.Count)
        {
            sums = Vector256.MultiplyAddEstimate(Vector256.Load(row + column), Vector256.Load(vector + column), sums);
        }

        for (; column < columns; column++)
        {
            rest += row[column] * vector[column];
        }

        return Vector256.Sum(sums) + rest;
    }
}
