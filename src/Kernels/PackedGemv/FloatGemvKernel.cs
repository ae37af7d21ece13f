using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Threading;

namespace Marrow.Kernels.PackedGemv;

/// <summary>
/// <c>x Ŵᵀ + b</c> for float32 activations and codes of 2 to 4 bits. AVX-512 looks levels up: the low bits of a shifted
/// word index a table of sixteen floats. AVX2 masks codes in place and converts them; x is scaled to make up for the
/// place.
/// </summary>
internal unsafe struct FloatGemvKernel : IRangeKernel
{
    public PackedLayout Packed;
    public int Rows, Outputs, Factor, Lowest;

    /// <summary>Activations as <see cref="Prepare"/> leaves them, [rows, padded columns].</summary>
    public float* X;

    /// <summary>Sums of the activations of each row.</summary>
    public double* Sums;

    public float* Scale;
    public float* Bias;
    public float* Y;

    /// <summary>
    /// Pads a row of x. For AVX2 also scales it: of four adjacent places of a word the codes are masked where they
    /// stand, 1, 2^bits, 4^bits and 8^bits times too large.
    /// </summary>
    /// <returns>Σ x.</returns>
    public static double Prepare(float* x, PackedLayout layout, float* prepared)
    {
        var sum = 0.0;
        for (var column = 0; column < layout.Columns; column++)
        {
            sum += x[column];
            var place = Avx512F.IsSupported ? 0 : column / PackedLayout.BlockWords % layout.PerWord;
            prepared[column] = x[column] / (1 << (layout.Bits * (place % 4)));
        }

        new Span<float>(prepared + layout.Columns, layout.PaddedColumns - layout.Columns).Clear();
        return sum;
    }

    public readonly void Run(int first, int end, int part)
    {
        switch (Packed.Bits)
        {
            case 2: Run<TwoBits>(first, end); break;
            case 3: Run<ThreeBits>(first, end); break;
            default: Run<FourBits>(first, end); break;
        }
    }

    private readonly void Run<TBits>(int first, int end)
        where TBits : struct, ICodeBits
    {
        var table = Vector512<float>.Zero;
        for (var index = 0; index < Vector512<float>.Count; index++)
        {
            table = table.WithElement(index, Lowest + (Factor * (index & ((1 << TBits.Bits) - 1))));
        }

        for (var output = first; output < end; output++)
        {
            var words = Packed.Words + ((long)output * Packed.RowWords);
            for (var row = 0; row < Rows; row++)
            {
                var x = X + ((long)row * Packed.PaddedColumns);
                var sum = Avx512F.IsSupported
                    ? Wide<TBits>(words, x, table)
                    : (float)((Factor * Narrow<TBits>(words, x)) + (Lowest * Sums[row]));
                Y[((long)row * Outputs) + output] = (Scale[output] * sum) + (Bias == null ? 0 : Bias[output]);
            }
        }
    }

    /// <summary>Σ level · x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float Wide<TBits>(int* words, float* x, Vector512<float> table)
        where TBits : struct, ICodeBits
    {
        // Four sums hide the latency of a multiplication and addition.
        var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
        for (var word = 0; word < Packed.RowWords; word += PackedLayout.BlockWords)
        {
            Sse.Prefetch0(words + word + PackedLayout.PrefetchWords);
            var (codes, place) = (Vector512.Load(words + word), 0);
            for (; place <= (32 / TBits.Bits) - 4; place += 4, x += 4 * PackedLayout.BlockWords)
            {
                a = MultiplyAdd(table, codes, x, a);
                b = MultiplyAdd(table, codes >>> TBits.Bits, x + PackedLayout.BlockWords, b);
                c = MultiplyAdd(table, codes >>> (2 * TBits.Bits), x + (2 * PackedLayout.BlockWords), c);
                d = MultiplyAdd(table, codes >>> (3 * TBits.Bits), x + (3 * PackedLayout.BlockWords), d);
                codes >>>= 4 * TBits.Bits;
            }

            if (place < 32 / TBits.Bits)
            {
                // Ten places of 3 bits: two are left.
                a = MultiplyAdd(table, codes, x, a);
                b = MultiplyAdd(table, codes >>> TBits.Bits, x + PackedLayout.BlockWords, b);
                x += 2 * PackedLayout.BlockWords;
            }
        }

        return Vector512.Sum(a + b + (c + d));
    }

    /// <summary>Σ code · x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly float Narrow<TBits>(int* words, float* x)
        where TBits : struct, ICodeBits
    {
        const int Words = PackedLayout.BlockWords, High = Words / 2;
        var mask = (1 << TBits.Bits) - 1;
        var (first, second) = (Vector256.Create(mask), Vector256.Create(mask << TBits.Bits));
        var (third, fourth) = (Vector256.Create(mask << (2 * TBits.Bits)), Vector256.Create(mask << (3 * TBits.Bits)));
        var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var (e, f, g, h) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        for (var word = 0; word < Packed.RowWords; word += Words)
        {
            Sse.Prefetch0(words + word + PackedLayout.PrefetchWords);
            var (low, high) = (Vector256.Load(words + word), Vector256.Load(words + word + High));
            var place = 0;
            for (; place <= (32 / TBits.Bits) - 4; place += 4, x += 4 * Words)
            {
                a = MultiplyAdd(low & first, x, a);
                b = MultiplyAdd(high & first, x + High, b);
                c = MultiplyAdd(low & second, x + Words, c);
                d = MultiplyAdd(high & second, x + Words + High, d);
                e = MultiplyAdd(low & third, x + (2 * Words), e);
                f = MultiplyAdd(high & third, x + (2 * Words) + High, f);
                g = MultiplyAdd(low & fourth, x + (3 * Words), g);
                h = MultiplyAdd(high & fourth, x + (3 * Words) + High, h);
                (low, high) = (low >>> (4 * TBits.Bits), high >>> (4 * TBits.Bits));
            }

            if (place < 32 / TBits.Bits)
            {
                a = MultiplyAdd(low & first, x, a);
                b = MultiplyAdd(high & first, x + High, b);
                c = MultiplyAdd(low & second, x + Words, c);
                d = MultiplyAdd(high & second, x + Words + High, d);
                x += 2 * Words;
            }
        }

        return Vector256.Sum(((a + b) + (c + d)) + ((e + f) + (g + h)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> MultiplyAdd(
        Vector512<float> table, Vector512<int> codes, float* x, Vector512<float> sum) =>
        Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes), Vector512.Load(x), sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> MultiplyAdd(Vector256<int> codes, float* x, Vector256<float> sum) =>
        Fma.MultiplyAdd(Avx.ConvertToVector256Single(codes), Vector256.Load(x), sum);
}
