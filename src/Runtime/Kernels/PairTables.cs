using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels;

/// <summary>
/// Products of two-bit levels by tables. A pair of weight levels v is one of 16 codes; for each row, a pair of its levels a has a table of
/// <c>a₁ v₁ + a₂ v₂</c> by code, and one shuffle looks 32 outputs up: 64 products, twice as many as one multiplication of bytes.
/// With <c>b = low + spacing v</c>: <c>Σ a b = spacing Σ a v + low Σ a</c>.
/// </summary>
/// <param name="lowA">A's lowest level.</param>
/// <param name="ofB">B's levels.</param>
internal readonly unsafe struct PairTables(int lowA, LevelSpan ofB) : ILevelTiles
{
    private const int Rows = 6;

    // A table's entries are at most 18, so that 14 of them fit 8 bits; a chunk is 18 times as many pairs.
    private const int SafePairs = 14, ChunkPairs = 18 * SafePairs, Lookup = 32, Outputs = 2 * Lookup, TableBytes = 16;

    // Rows in memory: the sum of each; sums of 16 bits, which on the stack would cross lines of the cache; tables, by sixteen.
    private const int WideAt = 64, Wide = Rows * Outputs / 16, TablesAt = WideAt + (32 * Wide);

    /// <summary>Tables of all 16 pairs a₁ + 4 a₂.</summary>
    private static readonly byte[] Tables =
        [.. from pair in Enumerable.Range(0, 16) from code in Enumerable.Range(0, 16) select (byte)(((pair & 3) * (code & 3)) + ((pair >> 2) * (code >> 2)))];

    public int TileRows => Rows;

    public int PanelWidth => Outputs;

    public int ChunkColumns => 2 * ChunkPairs;

    public int PanelBytes => ChunkPairs * Outputs;

    public int RowBytes => TablesAt + ((ChunkPairs + TableBytes) * Rows * TableBytes);

    /// <summary>
    /// [pair, output]: codes; in 32 bytes the i-th of sixteen outputs stands at 2i, that of the next sixteen at 2i + 1. The second and the
    /// third four of sixteen change places, which is what widening sums in halves of a register does to them once more.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackPanel(sbyte* b, long stride, int outputs, int columns, byte* panel)
    {
        var codes = stackalloc Vector128<byte>[2 * TableBytes];
        var pairs = (columns + 1) / 2;
        for (var first = 0; first < pairs; first += TableBytes)
        {
            var count = Math.Min(TableBytes, pairs - first);
            for (var part = 0; part < Outputs; part += Lookup)
            {
                for (var half = 0; half < 2; half++)
                {
                    for (var o = 0; o < TableBytes; o++)
                    {
                        var output = part + (half * TableBytes) + (o is >= 4 and < 12 ? o ^ 12 : o);
                        codes[(half * TableBytes) + o] = output < outputs
                            ? Pairs(b + (output * stride) + (2 * first), columns - (2 * first), ofB.Low, ofB.Spacing - 1)
                            : Vector128<byte>.Zero;
                    }

                    Transpose(codes + (half * TableBytes));
                }

                for (var pair = 0; pair < count; pair++)
                {
                    var (even, odd) = (codes[pair], codes[TableBytes + pair]);
                    var target = panel + ((first + pair) * Outputs) + part;
                    Sse2.UnpackLow(even, odd).Store(target);
                    Sse2.UnpackHigh(even, odd).Store(target + TableBytes);
                }
            }
        }
    }

    /// <summary>[row]: sums of levels; [pair, row]: tables.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackRows(sbyte* a, long stride, int rows, int columns, byte* packed)
    {
        var pairs = (columns + 1) / 2;
        var sums = (int*)packed;
        var tables = packed + TablesAt;
        fixed (byte* known = Tables)
        {
            for (var row = 0; row < Rows; row++, tables += TableBytes)
            {
                var sum = Vector128<ulong>.Zero;
                for (var first = 0; first < pairs; first += TableBytes)
                {
                    var codes = row < rows ? Pairs(a + (row * stride) + (2 * first), columns - (2 * first), lowA, 0) : Vector128<byte>.Zero;
                    var (low, high) = (codes & Vector128.Create((byte)3), (codes.AsUInt16() >>> 2).AsByte() & Vector128.Create((byte)3));
                    sum += Sse2.SumAbsoluteDifferences(low + high, Vector128<byte>.Zero).AsUInt64();
                    var places = (codes.AsUInt16() << 4).AsUInt64(); // a table has 16 bytes, and a code is below 16
                    var target = tables + (first * Rows * TableBytes);
                    Copy(known, places[0], target);
                    Copy(known, places[1], target + (8 * Rows * TableBytes));
                }

                sums[row] = (int)(sum[0] + sum[1]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(byte* packed, byte* panel, int columns, int* start, int* product)
    {
        var wide = (Vector256<ushort>*)(packed + WideAt);
        var tables = packed + TablesAt;
        for (var (pair, pairs) = (0, (columns + 1) / 2); pair < pairs;)
        {
            var (a0, a1, b0, b1) = (Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero);
            var (c0, c1, d0, d1) = (Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero);
            var (e0, e1, f0, f1) = (Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero);
            var isFirst = pair == 0;
            for (var stop = Math.Min(pairs, pair + SafePairs); pair < stop; pair++, tables += Rows * TableBytes, panel += Outputs)
            {
                var (codes0, codes1) = (Vector256.Load(panel), Vector256.Load(panel + Lookup));
                var table = Avx2.BroadcastVector128ToVector256(tables);
                a0 += Avx2.Shuffle(table, codes0);
                a1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + TableBytes);
                b0 += Avx2.Shuffle(table, codes0);
                b1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (2 * TableBytes));
                c0 += Avx2.Shuffle(table, codes0);
                c1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (3 * TableBytes));
                d0 += Avx2.Shuffle(table, codes0);
                d1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (4 * TableBytes));
                e0 += Avx2.Shuffle(table, codes0);
                e1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (5 * TableBytes));
                f0 += Avx2.Shuffle(table, codes0);
                f1 += Avx2.Shuffle(table, codes1);
            }

            Widen(a0, a1, isFirst, wide);
            Widen(b0, b1, isFirst, wide + 4);
            Widen(c0, c1, isFirst, wide + 8);
            Widen(d0, d1, isFirst, wide + 12);
            Widen(e0, e1, isFirst, wide + 16);
            Widen(f0, f1, isFirst, wide + 20);
        }

        // Pairs (spacing, 0) of 16 bits: the upper half of a widened sum is zero, and the sum, at most 4536, is a positive short.
        var spacing = Vector256.Create(ofB.Spacing).AsInt16();
        for (var row = 0; row < Rows; row++, product += Outputs)
        {
            var shift = Vector256.Create(ofB.Low * ((int*)packed)[row]);
            var from = start == null ? product : start;
            for (var output = 0; output < Outputs; output += TableBytes, wide++)
            {
                var low = Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(*wide, Vector256<ushort>.Zero).AsInt16(), spacing);
                var high = Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(*wide, Vector256<ushort>.Zero).AsInt16(), spacing);
                (low + (shift + Vector256.Load(from + output))).Store(product + output);
                (high + (shift + Vector256.Load(from + output + 8))).Store(product + output + 8);
            }
        }
    }

    /// <summary>The tables of eight pairs; each byte is where a table begins. Written out, because a loop takes as long as the copies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* known, ulong places, byte* target)
    {
        const int Next = Rows * TableBytes;
        Vector128.Load(known + (byte)places).Store(target);
        Vector128.Load(known + (byte)(places >> 8)).Store(target + Next);
        Vector128.Load(known + (byte)(places >> 16)).Store(target + (2 * Next));
        Vector128.Load(known + (byte)(places >> 24)).Store(target + (3 * Next));
        Vector128.Load(known + (byte)(places >> 32)).Store(target + (4 * Next));
        Vector128.Load(known + (byte)(places >> 40)).Store(target + (5 * Next));
        Vector128.Load(known + (byte)(places >> 48)).Store(target + (6 * Next));
        Vector128.Load(known + (places >> 56)).Store(target + (7 * Next));
    }

    /// <summary>Sixteen pairs of levels as codes v₁ + 4 v₂, v counted from the lowest; missing ones are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Pairs(sbyte* values, int count, int low, int halving)
    {
        var lows = Vector256.Create((sbyte)low);
        var levels = count >= Vector256<sbyte>.Count ? Vector256.Load(values) : Partial(values, count, lows);
        var counted = ((levels - lows).AsUInt16() >>> halving).AsByte() & Vector256.Create((byte)3);
        var pairs = Avx2.MultiplyAddAdjacent(counted, Vector256.Create((short)(1 + (4 << 8))).AsSByte());
        return Sse2.PackUnsignedSaturate(pairs.GetLower(), pairs.GetUpper());
    }

    private static Vector256<sbyte> Partial(sbyte* values, int count, Vector256<sbyte> rest)
    {
        for (var i = 0; i < count; i++)
        {
            rest = rest.WithElement(i, values[i]);
        }

        return rest;
    }

    /// <summary>Sixteen rows of sixteen bytes: four times, rows i and i + 8 are interleaved.</summary>
    private static void Transpose(Vector128<byte>* rows)
    {
        var other = stackalloc Vector128<byte>[16];
        for (var round = 0; round < 2; round++)
        {
            Interleave(rows, other);
            Interleave(other, rows);
        }

        static void Interleave(Vector128<byte>* from, Vector128<byte>* to)
        {
            for (var i = 0; i < 8; i++)
            {
                to[2 * i] = Sse2.UnpackLow(from[i], from[i + 8]);
                to[(2 * i) + 1] = Sse2.UnpackHigh(from[i], from[i + 8]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(Vector256<byte> first, Vector256<byte> second, bool isFirst, Vector256<ushort>* wide)
    {
        var even = Vector256.Create((ushort)0xFF);
        var (first0, first1) = (first.AsUInt16() & even, first.AsUInt16() >>> 8);
        var (second0, second1) = (second.AsUInt16() & even, second.AsUInt16() >>> 8);
        wide[0] = isFirst ? first0 : wide[0] + first0;
        wide[1] = isFirst ? first1 : wide[1] + first1;
        wide[2] = isFirst ? second0 : wide[2] + second0;
        wide[3] = isFirst ? second1 : wide[3] + second1;
    }
}
