using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

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
    public static bool Suit(PackedWeight weight) =>
        weight.Words.device_type == TorchSharp.DeviceType.CPU && weight.Words.is_contiguous() && weight.Scale.dtype == ScalarType.Float32;

    /// <summary>Whether <see cref="Linear"/> applies and gains: few rows of float32.</summary>
    public static bool SuitFloats(PackedWeight weight, Tensor x) =>
        Suit(weight) && Avx512F.IsSupported && weight.CodeBits <= 4 && x.dtype == ScalarType.Float32 && x.is_contiguous() && x.shape[0] <= FewRows;

    /// <summary>Whether <see cref="Multiply"/> applies and gains: few rows, and codes that do not cross bytes.</summary>
    public static bool SuitIntegers(PackedWeight weight, long rows) =>
        Suit(weight) && Avx512BW.IsSupported && weight.CodeBits is 2 or 4 && rows <= FewRows;

    /// <summary>The levels in 8 bits, [out, in]: p, or u if halved.</summary>
    public static Tensor Unpack(PackedWeight weight, bool isHalved)
    {
        var levels = empty([weight.Words.shape[0], weight.InFeatures], dtype: ScalarType.Int8);
        var kernel = new UnpackKernel
        {
            Packed = new Layout(weight),
            Levels = levels.SignedBytes(),
            Factor = weight.IsOdd && !isHalved ? 2 : 1,
            Lowest = isHalved ? -(1 << (weight.CodeBits - 1)) : weight.LowestLevel,
        };
        ThreadTeam.Run(ref kernel, (int)levels.shape[0], levels.numel());
        return levels;
    }

    /// <summary><c>x Ŵᵀ + b</c>, [n, out].</summary>
    public static Tensor Linear(Tensor x, PackedWeight weight, Tensor? bias)
    {
        using var padded = Padded(x, weight);
        var y = empty([x.shape[0], weight.Words.shape[0]], dtype: ScalarType.Float32);
        var table = stackalloc float[16];
        for (var code = 0; code < 16; code++)
        {
            // Bits above the code are those of the next one; the table repeats, so they need no mask.
            table[code] = ((code & ((1 << weight.CodeBits) - 1)) * (weight.IsOdd ? 2 : 1)) + weight.LowestLevel;
        }

        var kernel = new FloatKernel
        {
            Packed = new Layout(weight),
            Rows = (int)x.shape[0],
            Outputs = (int)weight.Words.shape[0],
            X = padded.Floats(),
            Width = (int)padded.shape[1],
            Table = table,
            Scale = weight.Scale.Floats(),
            Bias = bias is null ? null : bias.Floats(),
            Y = y.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)y.shape[1], y.shape[1] * x.shape[1]);
        return y;
    }

    /// <summary><c>x pᵀ</c> in integers, int32 [n, out].</summary>
    /// <param name="x">int8 [n, in].</param>
    /// <param name="weight">The weight.</param>
    public static Tensor Multiply(Tensor x, PackedWeight weight)
    {
        var (rows, outputs, layout) = ((int)x.shape[0], (int)weight.Words.shape[0], new Layout(weight));
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
            Lowest = weight.LowestLevel,
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

    /// <summary>x with zeros up to whole blocks.</summary>
    private static Tensor Padded(Tensor x, PackedWeight weight)
    {
        var (width, columns) = (weight.Words.shape[1] * weight.PerWord, weight.InFeatures);
        return width == columns ? x.alias() : nn.functional.pad(x, [0, width - columns]);
    }

    private readonly struct Layout(PackedWeight weight)
    {
        public readonly int* Words = weight.Words.Integers();
        public readonly int RowWords = (int)weight.Words.shape[1], Columns = (int)weight.InFeatures, Bits = weight.CodeBits, PerWord = weight.PerWord;
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
                for (var word = 0; word < Packed.RowWords; word += BlockWords)
                {
                    var words = Vector512.Load(Packed.Words + ((long)row * Packed.RowWords) + word);
                    for (var place = 0; place < Packed.PerWord; place++)
                    {
                        var column = (word * Packed.PerWord) + (place * BlockWords);
                        if (column >= Packed.Columns)
                        {
                            break;
                        }

                        var codes = Vector512.ShiftRightLogical(words, Packed.Bits * place) & Vector512.Create(mask);
                        var p = Vector512.ConvertToSingle((codes * Factor) + Vector512.Create(Lowest));
                        if (column + BlockWords <= Packed.Columns)
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
        public int Rows, Width, Outputs;
        public float* X;
        public float* Table;
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
                    Y[((long)row * Outputs) + output] = (Scale[output] * sum) + (Bias == null ? 0 : Bias[output]);
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly float Sum<TBits>(int* words, float* x)
            where TBits : struct, ICodeBits
        {
            var table = Vector512.Load(Table);
            var (a, b, c, d) = (Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero, Vector512<float>.Zero);
            for (var word = 0; word < Packed.RowWords; word += BlockWords)
            {
                Sse.Prefetch0(words + word + Ahead);
                var codes = Vector512.Load(words + word);
                var place = 0;
                for (; place <= (32 / TBits.Bits) - 4; place += 4, x += 4 * BlockWords)
                {
                    // Four sums, because one product waits four cycles for the last.
                    a = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes), Vector512.Load(x), a);
                    b = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> TBits.Bits), Vector512.Load(x + BlockWords), b);
                    c = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> (2 * TBits.Bits)), Vector512.Load(x + (2 * BlockWords)), c);
                    d = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes >>> (3 * TBits.Bits)), Vector512.Load(x + (3 * BlockWords)), d);
                    codes >>>= 4 * TBits.Bits;
                }

                for (; place < (32 / TBits.Bits); place++, x += BlockWords)
                {
                    a = Vector512.FusedMultiplyAdd(Avx512F.PermuteVar16x32(table, codes), Vector512.Load(x), a);
                    codes >>>= TBits.Bits;
                }
            }

            return Vector512.Sum((a + b) + (c + d));
        }
    }

    private struct IntegerKernel : IRangeKernel
    {
        // Sums of pairs of products stay within 16 bits for this many sums: 2 · 3 · 128 · 40, 2 · 15 · 128 · 8.
        private const int SafeSums2 = 40, SafeSums4 = 8;

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
            var (mask, ones) = (Vector512.Create((byte)3), Vector512<short>.One);
            var (wide, count) = (Vector512<int>.Zero, Packed.RowWords / BlockWords);
            for (var block = 0; block < count;)
            {
                var narrow = Vector512<short>.Zero;
                for (var stop = Math.Min(count, block + (SafeSums2 / 4)); block < stop; block++, words += BlockBytes, x += 4 * BlockBytes)
                {
                    Sse.Prefetch0(words + (4 * Ahead));
                    var codes = Vector512.Load(words).AsUInt16();
                    narrow += Avx512BW.MultiplyAddAdjacent(codes.AsByte() & mask, Vector512.Load(x));
                    narrow += Avx512BW.MultiplyAddAdjacent((codes >>> 2).AsByte() & mask, Vector512.Load(x + BlockBytes));
                    narrow += Avx512BW.MultiplyAddAdjacent((codes >>> 4).AsByte() & mask, Vector512.Load(x + (2 * BlockBytes)));
                    narrow += Avx512BW.MultiplyAddAdjacent((codes >>> 6).AsByte() & mask, Vector512.Load(x + (3 * BlockBytes)));
                }

                wide += Avx512BW.MultiplyAddAdjacent(narrow, ones);
            }

            return Vector512.Sum(wide);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly int Sum4(byte* words, sbyte* x)
        {
            var (mask, ones) = (Vector512.Create((byte)15), Vector512<short>.One);
            var (wide, count) = (Vector512<int>.Zero, Packed.RowWords / BlockWords);
            for (var block = 0; block < count;)
            {
                var narrow = Vector512<short>.Zero;
                for (var stop = Math.Min(count, block + (SafeSums4 / 2)); block < stop; block++, words += BlockBytes, x += 2 * BlockBytes)
                {
                    Sse.Prefetch0(words + (4 * Ahead));
                    var codes = Vector512.Load(words).AsUInt16();
                    narrow += Avx512BW.MultiplyAddAdjacent(codes.AsByte() & mask, Vector512.Load(x));
                    narrow += Avx512BW.MultiplyAddAdjacent((codes >>> 4).AsByte() & mask, Vector512.Load(x + BlockBytes));
                }

                wide += Avx512BW.MultiplyAddAdjacent(narrow, ones);
            }

            return Vector512.Sum(wide);
        }
    }
}
