using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Marrow.Kernels.Memory;

/// <summary>Bounds of an integer matrix: values <c>Low + Spacing · {0 … Steps}</c>.</summary>
internal readonly unsafe record struct IntegerRange(int Low, int Spacing, int Steps)
{
    public int High => Low + (Spacing * Steps);

    /// <summary>Measures an int8 tensor; costs a few percent of a product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static IntegerRange Of(Tensor codes)
    {
        var values = codes.SignedBytes();
        var count = codes.numel();
        var (lows, highs, odds) =
            (Vector256.Create(sbyte.MaxValue), Vector256.Create(sbyte.MinValue), Vector256<sbyte>.One);
        var index = 0L;
        for (; index <= count - Vector256<sbyte>.Count; index += Vector256<sbyte>.Count)
        {
            var value = Vector256.Load(values + index);
            lows = Vector256.Min(lows, value);
            highs = Vector256.Max(highs, value);
            odds &= value;
        }

        var (low, high, odd) = ((int)sbyte.MaxValue, (int)sbyte.MinValue, 1);
        for (var lane = 0; lane < Vector256<sbyte>.Count; lane++)
        {
            (low, high, odd) = (Math.Min(low, lows[lane]), Math.Max(high, highs[lane]), odd & odds[lane]);
        }

        for (; index < count; index++)
        {
            (low, high, odd) = (Math.Min(low, values[index]), Math.Max(high, values[index]), odd & values[index]);
        }

        return new(low, 1 + odd, (high - low) >> odd);
    }
}
