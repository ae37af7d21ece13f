using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.PackedGemv;

/// <summary>
/// Products with packed weights for few rows, where reading the weight is what takes the time: levels are unpacked in
/// registers, sixteen columns with one shift.
/// </summary>
internal static unsafe class PackedKernels
{
    private const int BlockWords = 16, BlockBytes = 64, FewRows = 4;

    // Words to fetch ahead of their use: a kilobyte.
    private const int Ahead = 256;

    /// <summary>Whether a weight lies where kernels can read it.</summary>
    public static bool Suit(PackedCodes weight) =>
        weight.Words.device_type == TorchSharp.DeviceType.CPU && weight.Words.is_contiguous() && weight.Scale.dtype == ScalarType.Float32;

    /// <summary>Whether <see cref="Linear"/> applies and gains: few rows of float32.</summary>
    public static bool SuitFloats(PackedCodes weight, Tensor x) =>
        Suit(weight) && Avx2.IsSupported && Fma.IsSupported && weight.Bits <= 4 && x.dtype == ScalarType.Float32 && x.is_contiguous() && x.size(0) <= FewRows;

    /// <summary>Whether <see cref="Multiply"/> applies and gains: few rows, and codes that do not cross bytes.</summary>
    public static bool SuitIntegers(PackedCodes weight, long rows) =>
        Suit(weight) && Avx2.IsSupported && weight.Bits is 2 or 4 && rows <= FewRows;

    /// <summary>The levels in 8 bits, [out, in]: p, or u if halved.</summary>
    public static Tensor Unpack(PackedCodes weight, bool isHalved)
    {
        var levels = empty([weight.Words.size(0), weight.Columns], dtype: ScalarType.Int8);
        var kernel = new UnpackKernel
        {
            Packed = new Layout(weight),
            Levels = levels.SignedBytes(),
            Factor = weight.IsOdd && !isHalved ? 2 : 1,
            Lowest = isHalved ? -(1 << (weight.Bits - 1)) : weight.Lowest,
        };
        ThreadTeam.Run(ref kernel, (int)levels.size(0), levels.numel());
        return levels;
    }

    /// <summary><c>x Ŵᵀ + b</c>, [n, out].</summary>
    public static Tensor Linear(Tensor x, PackedCodes weight, Tensor? bias)
    {
        var (rows, layout) = ((int)x.size(0), new Layout(weight));
        var width = layout.RowWords * layout.PerWord;
        using var scaled = zeros([rows, width], dtype: ScalarType.Float32);
        var sums = stackalloc double[rows];
        ScaleDown(x.Floats(), layout, rows, scaled.Floats(), sums);
        var y = empty([rows, weight.Words.size(0)], dtype: ScalarType.Float32);
        var kernel = new FloatKernel
        {
            Packed = layout,
            Rows = rows,
            Outputs = (int)weight.Words.size(0),
            X = scaled.Floats(),
            Width = width,
            Sums = sums,
            Factor = weight.IsOdd ? 2 : 1,
            Lowest = weight.Lowest,
            Scale = weight.Scale.Floats(),
            Bias = bias is null ? null : bias.Floats(),
            Y = y.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)y.size(1), y.size(1) * x.size(1));
        return y;
    }

    /// <summary><c>x pᵀ</c> in integers, int32 [n, out].</summary>
    /// <param name="x">int8 [n, in].</param>
    /// <param name="weight">The weight.</param>
    public static Tensor Multiply(Tensor x, PackedCodes weight)
    {
        var (rows, outputs, layout) = ((int)x.size(0), (int)weight.Words.size(0), new Layout(weight));
        var width = layout.RowWords * layout.PerWord;
        using var ordered = empty([rows, width], dtype: ScalarType.Int8);
        var sums = stackalloc int[rows];
        Order(x.SignedBytes(), layout, rows, ordered.SignedBytes(), sums);
        var product = empty([rows, outputs], dtype: ScalarType.Int32);
        var kernel = new IntegerKernel
        {
            Packed = layout,
            Rows = rows,
            Outputs = outputs,
            X = ordered.SignedBytes(),
            Width = width,
            Sums = sums,
            Factor = weight.IsOdd ? 2 : 1,
            Lowest = weight.Lowest,
            Product = product.Integers(),
        };
        ThreadTeam.Run(ref kernel, outputs, (long)outputs * width);
        return product;
    }

    /// <summary>
    /// Byte b of a block, shifted down by s codes, is column b / 4 + 16 (codes per byte · (b mod 4) + s). Activations are put
    /// in that order, once for all outputs, with zeros up to a whole block; and summed.
    /// </summary>
    private static void Order(sbyte* x, Layout layout, int rows, sbyte* ordered, int* sums)
    {
        var perByte = 8 / layout.Bits;
        var blockColumns = BlockWords * layout.PerWord;
        for (var row = 0; row < rows; row++, x += layout.Columns)
        {
            sums[row] = 0;
            for (var column = 0; column < layout.Columns; column++)
            {
                sums[row] += x[column];
            }

            for (var first = 0; first < layout.RowWords * layout.PerWord; first += blockColumns)
            {
                for (var s = 0; s < perByte; s++)
                {
                    for (var b = 0; b < BlockBytes; b++)
                    {
                        var column = first + (b / 4) + (BlockWords * ((perByte * (b % 4)) + s));
                        *ordered++ = column < layout.Columns ? x[column] : (sbyte)0;
                    }
                }
            }
        }
    }

    /// <summary>
    /// Of four neighbouring places of a word, the kernel masks each where it stands, 1, 2^bits, 4^bits and 8^bits times too
    /// large; x makes up for it, with zeros up to a whole block. And sums of x.
    /// </summary>
    private static void ScaleDown(float* x, Layout layout, int rows, float* scaled, double* sums)
    {
        for (var row = 0; row < rows; row++, x += layout.Columns, scaled += layout.RowWords * layout.PerWord)
        {
            sums[row] = 0;
            for (var column = 0; column < layout.Columns; column++)
            {
                var place = column / BlockWords % layout.PerWord;
                scaled[column] = x[column] / (1 << (layout.Bits * (place % 4)));
                sums[row] += x[column];
            }
        }
    }

    private readonly struct Layout(PackedCodes weight)
    {
        public readonly int* Words = weight.Words.Integers();
        public readonly int RowWords = (int)weight.Words.size(1), Columns = (int)weight.Columns, Bits = weight.Bits, PerWord = 32 / weight.Bits;
    }

    private struct UnpackKernel : IRangeKernel
    {
        public Layout Packed;
        public sbyte* Levels;
        public int Factor, Lowest;

        public readonly void Run(int first, int end, int part)
        {
            var mask = (1 << Packed.Bits) - 1;
            for (var row = first; row < end; row++)
            {
                var levels = Levels + ((long)row * Packed.Columns);
                for (var word = 0; word < Packed.RowWords; word += Lanes.Count)
                {
                    // Half a block: eight of the sixteen neighbouring columns that are one shift away.
                    var words = Vector256.Load(Packed.Words + ((long)row * Packed.RowWords) + word);
                    var start = (word / BlockWords * BlockWords * Packed.PerWord) + (word % BlockWords);
                    for (var place = 0; place < Packed.PerWord; place++)
                    {
                        var column = start + (place * BlockWords);
                        if (column >= Packed.Columns)
                        {
                            break;
                        }

                        var codes = Vector256.ShiftRightLogical(words, Packed.Bits * place) & Vector256.Create(mask);
                        var p = Vector256.ConvertToSingle((codes * Factor) + Vector256.Create(Lowest));
                        if (column + Lanes.Count <= Packed.Columns)
                        {
                            Lanes.Store(p, levels + column);
                            continue;
                        }

                        for (var lane = 0; column + lane < Packed.Columns; lane++)
                        {
                            levels[column + lane] = (sbyte)p[lane];
                        }
                    }
                }
            }
        }
    }

    /// <summary>Bits of a code as a constant, for shifts that take one cycle.</summary>
    private interface ICodeBits
    {
        static abstract int Bits { get; }
    }

    private readonly struct TwoBits : ICodeBits
    {
        public static int Bits => 2;
    }

    private readonly struct ThreeBits : ICodeBits
    {
        public static int Bits => 3;
    }

    private readonly struct FourBits : ICodeBits
    {
        public static int Bits => 4;
    }

    private struct FloatKernel : IRangeKernel
    {
        public Layout Packed;
        public int Rows, Width, Outputs, Factor, Lowest;
        public float* X;
        public double* Sums;
        public float* Scale;
        public float* Bias;
        public float* Y;

        public readonly void Run(int first, int end, int part)
        {
            for (var output = first; output < end; output++)
            {
                for (var row = 0; row < Rows; row++)
                {
                    var words = Packed.Words + ((long)output * Packed.RowWords);
                    var x = X + ((long)row * Width);
                    var sum = Packed.Bits switch { 2 => Sum<TwoBits>(words, x), 3 => Sum<ThreeBits>(words, x), _ => Sum<FourBits>(words, x) };
                    Y[((long)row * Outputs) + output] = (Scale[output] * (float)((Factor * sum) + (Lowest * Sums[row]))) + (Bias == null ? 0 : Bias[output]);
                }
            }
        }

        /// <summary>Σ code · x.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Sum<TBits>(int* words, float* x)
            where TBits : struct, ICodeBits
        {
            const int High = BlockWords / 2;
            var mask = (1 << TBits.Bits) - 1;
            var (first, second) = (Vector256.Create(mask), Vector256.Create(mask << TBits.Bits));
            var (third, fourth) = (Vector256.Create(mask << (2 * TBits.Bits)), Vector256.Create(mask << (3 * TBits.Bits)));

            // Many sums, because one product waits four cycles for the last.
            var (a, b, c, d) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            var (e, f, g, h) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            for (var word = 0; word < Packed.RowWords; word += BlockWords)
            {
                Sse.Prefetch0(words + word + Ahead);
                var (low, high) = (Vector256.Load(words + word), Vector256.Load(words + word + High));
                var place = 0;
                for (; place <= (32 / TBits.Bits) - 4; place += 4, x += 4 * BlockWords)
                {
                    a = MultiplyAdd(low & first, x, a);
                    b = MultiplyAdd(high & first, x + High, b);
                    c = MultiplyAdd(low & second, x + BlockWords, c);
                    d = MultiplyAdd(high & second, x + BlockWords + High, d);
                    e = MultiplyAdd(low & third, x + (2 * BlockWords), e);
                    f = MultiplyAdd(high & third, x + (2 * BlockWords) + High, f);
                    g = MultiplyAdd(low & fourth, x + (3 * BlockWords), g);
                    h = MultiplyAdd(high & fourth, x + (3 * BlockWords) + High, h);
                    (low, high) = (low >>> (4 * TBits.Bits), high >>> (4 * TBits.Bits));
                }

                if (place < 32 / TBits.Bits)
                {
                    // Ten places of 3 bits: two are left.
                    a = MultiplyAdd(low & first, x, a);
                    b = MultiplyAdd(high & first, x + High, b);
                    c = MultiplyAdd(low & second, x + BlockWords, c);
                    d = MultiplyAdd(high & second, x + BlockWords + High, d);
                    x += 2 * BlockWords;
                }
            }

            return Vector256.Sum(((a + b) + (c + d)) + ((e + f) + (g + h)));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> MultiplyAdd(Vector256<int> codes, float* x, Vector256<float> sum) =>
            Fma.MultiplyAdd(Avx.ConvertToVector256Single(codes), Vector256.Load(x), sum);
    }

    private struct IntegerKernel : IRangeKernel
    {
        // Sums of pairs of products stay within 16 bits for this many sums: 2 · 3 · 128 · 40, 2 · 15 · 128 · 8.
        private const int SafeSums2 = 40, SafeSums4 = 8;
        private const int Half = BlockBytes / 2;

        public Layout Packed;
        public int Rows, Width, Outputs, Factor, Lowest;
        public sbyte* X;
        public int* Sums;
        public int* Product;

        public readonly void Run(int first, int end, int part)
        {
            for (var output = first; output < end; output++)
            {
                for (var row = 0; row < Rows; row++)
                {
                    var words = (byte*)(Packed.Words + ((long)output * Packed.RowWords));
                    var sum = Packed.Bits == 2 ? Sum2(words, X + ((long)row * Width)) : Sum4(words, X + ((long)row * Width));
                    Product[((long)row * Outputs) + output] = (Factor * sum) + (Lowest * Sums[row]);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly int Sum2(byte* words, sbyte* x)
        {
            var (mask, ones) = (Vector256.Create((byte)3), Vector256<short>.One);
            var (wide, count) = (Vector256<int>.Zero, Packed.RowWords / BlockWords);
            for (var block = 0; block < count;)
            {
                var (low, high) = (Vector256<short>.Zero, Vector256<short>.Zero);
                for (var stop = Math.Min(count, block + (SafeSums2 / 4)); block < stop; block++, words += BlockBytes, x += 4 * BlockBytes)
                {
                    Sse.Prefetch0(words + (4 * Ahead));
                    var (l, h) = (Vector256.Load(words).AsUInt16(), Vector256.Load(words + Half).AsUInt16());
                    low += Avx2.MultiplyAddAdjacent(l.AsByte() & mask, Vector256.Load(x));
                    high += Avx2.MultiplyAddAdjacent(h.AsByte() & mask, Vector256.Load(x + Half));
                    low += Avx2.MultiplyAddAdjacent((l >>> 2).AsByte() & mask, Vector256.Load(x + BlockBytes));
                    high += Avx2.MultiplyAddAdjacent((h >>> 2).AsByte() & mask, Vector256.Load(x + BlockBytes + Half));
                    low += Avx2.MultiplyAddAdjacent((l >>> 4).AsByte() & mask, Vector256.Load(x + (2 * BlockBytes)));
                    high += Avx2.MultiplyAddAdjacent((h >>> 4).AsByte() & mask, Vector256.Load(x + (2 * BlockBytes) + Half));
                    low += Avx2.MultiplyAddAdjacent((l >>> 6).AsByte() & mask, Vector256.Load(x + (3 * BlockBytes)));
                    high += Avx2.MultiplyAddAdjacent((h >>> 6).AsByte() & mask, Vector256.Load(x + (3 * BlockBytes) + Half));
                }

                wide += Avx2.MultiplyAddAdjacent(low, ones) + Avx2.MultiplyAddAdjacent(high, ones);
            }

            return Vector256.Sum(wide);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly int Sum4(byte* words, sbyte* x)
        {
            var (mask, ones) = (Vector256.Create((byte)15), Vector256<short>.One);
            var (wide, count) = (Vector256<int>.Zero, Packed.RowWords / BlockWords);
            for (var block = 0; block < count;)
            {
                var (low, high) = (Vector256<short>.Zero, Vector256<short>.Zero);
                for (var stop = Math.Min(count, block + (SafeSums4 / 2)); block < stop; block++, words += BlockBytes, x += 2 * BlockBytes)
                {
                    Sse.Prefetch0(words + (4 * Ahead));
                    var (l, h) = (Vector256.Load(words).AsUInt16(), Vector256.Load(words + Half).AsUInt16());
                    low += Avx2.MultiplyAddAdjacent(l.AsByte() & mask, Vector256.Load(x));
                    high += Avx2.MultiplyAddAdjacent(h.AsByte() & mask, Vector256.Load(x + Half));
                    low += Avx2.MultiplyAddAdjacent((l >>> 4).AsByte() & mask, Vector256.Load(x + BlockBytes));
                    high += Avx2.MultiplyAddAdjacent((h >>> 4).AsByte() & mask, Vector256.Load(x + BlockBytes + Half));
                }

                wide += Avx2.MultiplyAddAdjacent(low, ones) + Avx2.MultiplyAddAdjacent(high, ones);
            }

            return Vector256.Sum(wide);
        }
    }
}
