using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;

namespace Marrow.Kernels.Attention;

/// <summary>
/// Rotary positions: an item is a token of a sequence with all its heads. Components i and i + d/2 form a pair.
/// </summary>
internal unsafe struct RotaryKernel : IRangeKernel
{
    public float* X, Y, Cos, Sin;
    public int Tokens, Heads, Half;
    public bool IsBack;

    public readonly void Run(int first, int end, int part)
    {
        for (var row = first; row < end; row++)
        {
            float* cos = Cos + ((long)(row % Tokens) * 2 * Half), sin = Sin + ((long)(row % Tokens) * 2 * Half);
            for (var head = 0; head < Heads; head++)
            {
                var at = (((long)row * Heads) + head) * 2 * Half;
                if (IsBack)
                {
                    Turn(X + at, Y + at, Half, cos, sin + Half, sin, sign: -1);
                }
                else
                {
                    Turn(X + at, Y + at, Half, cos, sin, sin + Half, sign: 1);
                }
            }
        }
    }

    /// <summary><c>y₁ = x₁ cos₁ − s x₂ firstSin</c>, <c>y₂ = x₂ cos₂ + s x₁ secondSin</c>, s the sign.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Turn(float* x, float* y, int half, float* cos, float* firstSin, float* secondSin, float sign)
    {
        var (signs, i) = (Vector256.Create(sign), 0);
        for (; i <= half - Lanes.Count; i += Lanes.Count)
        {
            var (x1, x2) = (Vector256.Load(x + i), Vector256.Load(x + half + i));
            ((x1 * Vector256.Load(cos + i)) - (x2 * (Vector256.Load(firstSin + i) * signs))).Store(y + i);
            ((x2 * Vector256.Load(cos + half + i)) + (x1 * (Vector256.Load(secondSin + i) * signs))).Store(
                y + half + i);
        }

        for (; i < half; i++)
        {
            var (x1, x2) = (x[i], x[half + i]);
            y[i] = (x1 * cos[i]) - (x2 * (firstSin[i] * sign));
            y[half + i] = (x2 * cos[half + i]) + (x1 * (secondSin[i] * sign));
        }
    }
}
