using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Threading;

namespace Marrow.Kernels.PackedGemv;

/// <summary>
/// <c>x pᵀ</c> in int32 for int8 activations and codes of 2 or 4 bits: codes are isolated in bytes by shift and mask,
/// multiplied by pairs into int16 (vpmaddubsw), and widened before int16 can overflow. AVX-512BW or AVX2.
/// </summary>
internal unsafe struct Int8GemvKernel : IRangeKernel
{
    // Products of a code and an activation are at most 3 · 128 or 15 · 128; int16 holds this many pairs of them.
    private const int SafePairs2 = 40, SafePairs4 = 8;

    public PackedLayout Packed;
    public int Rows, Outputs, Factor, Lowest;

    /// <summary>Activations in the order of <see cref="Reorder"/>, [rows, padded columns].</summary>
    public sbyte* X;

    /// <summary>Sums of the activations of each row.</summary>
    public int* Sums;

    public int* Product;

    /// <summary>
    /// Byte b of a block, shifted right by s codes, holds column <c>b / 4 + 16 (codes per byte · (b mod 4) + s)</c>.
    /// Activations take that order once for all outputs: slice s of a block interleaves four runs of sixteen columns.
    /// </summary>
    /// <param name="x">A row of activations.</param>
    /// <param name="layout">The weight.</param>
    /// <param name="padded">Scratch, [padded columns].</param>
    /// <param name="ordered">[padded columns].</param>
    /// <returns>Σ x.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Reorder(sbyte* x, PackedLayout layout, sbyte* padded, sbyte* ordered)
    {
        new ReadOnlySpan<sbyte>(x, layout.Columns).CopyTo(new(padded, layout.Columns));
        new Span<sbyte>(padded + layout.Columns, layout.PaddedColumns - layout.Columns).Clear();
        var (perByte, sum) = (8 / layout.Bits, 0);
        for (var i = 0; i < layout.Columns; i++)
        {
            sum += x[i];
        }

        var target = (int*)ordered;
        for (var block = padded; block < padded + layout.PaddedColumns;
            block += PackedLayout.BlockWords * layout.PerWord)
        {
            for (var slice = 0; slice < perByte; slice++)
            {
                var first = (byte*)block + (PackedLayout.BlockWords * slice);
                var next = PackedLayout.BlockWords * perByte;
                for (var j = 0; j < PackedLayout.BlockWords; j++)
                {
                    *target++ = first[j] | (first[next + j] << 8) | (first[(2 * next) + j] << 16)
                        | (first[(3 * next) + j] << 24);
                }
            }
        }

        return sum;
    }

    public readonly void Run(int first, int end, int part)
    {
        for (var output = first; output < end; output++)
        {
            var words = (byte*)(Packed.Words + ((long)output * Packed.RowWords));
            for (var row = 0; row < Rows; row++)
            {
                var x = X + ((long)row * Packed.PaddedColumns);
                var sum = Packed.Bits == 2 ? Multiply<TwoBits>(words, x) : Multiply<FourBits>(words, x);
                Product[((long)row * Outputs) + output] = (Factor * sum) + (Lowest * Sums[row]);
            }
        }
    }

    private readonly int Multiply<TBits>(byte* words, sbyte* x)
        where TBits : struct, ICodeBits =>
        Avx512BW.IsSupported ? Wide<TBits>(words, x) : Narrow<TBits>(words, x);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly int Wide<TBits>(byte* words, sbyte* x)
        where TBits : struct, ICodeBits
    {
        var (mask, ones) = (Vector512.Create((byte)((1 << TBits.Bits) - 1)), Vector512<short>.One);
        var (wide, count) = (Vector512<int>.Zero, Packed.RowWords / PackedLayout.BlockWords);
        for (var block = 0; block < count;)
        {
            var (even, odd) = (Vector512<short>.Zero, Vector512<short>.Zero);
            for (var stop = Math.Min(count, block + (TBits.Bits == 2 ? SafePairs2 / 2 : SafePairs4)); block < stop;
                block++)
            {
                Sse.Prefetch0(words + (4 * PackedLayout.PrefetchWords));
                var codes = Vector512.Load(words).AsUInt16();
                even += Avx512BW.MultiplyAddAdjacent(codes.AsByte() & mask, Vector512.Load(x));
                odd += Avx512BW.MultiplyAddAdjacent(
                    (codes >>> TBits.Bits).AsByte() & mask, Vector512.Load(x + PackedLayout.BlockBytes));
                if (TBits.Bits == 2)
                {
                    even += Avx512BW.MultiplyAddAdjacent(
                        (codes >>> 4).AsByte() & mask, Vector512.Load(x + (2 * PackedLayout.BlockBytes)));
                    odd += Avx512BW.MultiplyAddAdjacent(
                        (codes >>> 6).AsByte() & mask, Vector512.Load(x + (3 * PackedLayout.BlockBytes)));
                }

                words += PackedLayout.BlockBytes;
                x += 8 / TBits.Bits * PackedLayout.BlockBytes;
            }

            wide += Avx512BW.MultiplyAddAdjacent(even, ones) + Avx512BW.MultiplyAddAdjacent(odd, ones);
        }

        return Vector512.Sum(wide);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly int Narrow<TBits>(byte* words, sbyte* x)
        where TBits : struct, ICodeBits
    {
        const int Half = PackedLayout.BlockBytes / 2;
        var (mask, ones) = (Vector256.Create((byte)((1 << TBits.Bits) - 1)), Vector256<short>.One);
        var (wide, count) = (Vector256<int>.Zero, Packed.RowWords / PackedLayout.BlockWords);
        for (var block = 0; block < count;)
        {
            var (low, high) = (Vector256<short>.Zero, Vector256<short>.Zero);
            for (var stop = Math.Min(count, block + (TBits.Bits == 2 ? SafePairs2 / 4 : SafePairs4 / 2)); block < stop;
                block++)
            {
                Sse.Prefetch0(words + (4 * PackedLayout.PrefetchWords));
                var (l, h) = (Vector256.Load(words).AsUInt16(), Vector256.Load(words + Half).AsUInt16());
                low += Avx2.MultiplyAddAdjacent(l.AsByte() & mask, Vector256.Load(x));
                high += Avx2.MultiplyAddAdjacent(h.AsByte() & mask, Vector256.Load(x + Half));
                low += Avx2.MultiplyAddAdjacent((l >>> TBits.Bits).AsByte() & mask, Vector256.Load(x + (2 * Half)));
                high += Avx2.MultiplyAddAdjacent((h >>> TBits.Bits).AsByte() & mask, Vector256.Load(x + (3 * Half)));
                if (TBits.Bits == 2)
                {
                    low += Avx2.MultiplyAddAdjacent((l >>> 4).AsByte() & mask, Vector256.Load(x + (4 * Half)));
                    high += Avx2.MultiplyAddAdjacent((h >>> 4).AsByte() & mask, Vector256.Load(x + (5 * Half)));
                    low += Avx2.MultiplyAddAdjacent((l >>> 6).AsByte() & mask, Vector256.Load(x + (6 * Half)));
                    high += Avx2.MultiplyAddAdjacent((h >>> 6).AsByte() & mask, Vector256.Load(x + (7 * Half)));
                }

                words += PackedLayout.BlockBytes;
                x += 8 / TBits.Bits * PackedLayout.BlockBytes;
            }

            wide += Avx2.MultiplyAddAdjacent(low, ones) + Avx2.MultiplyAddAdjacent(high, ones);
        }

        return Vector256.Sum(wide);
    }
}
