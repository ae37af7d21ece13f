using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Memory;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// 2-bit × 2-bit microkernel by table lookup (vpshufb). Two adjacent codes v of B form a 4-bit index; two adjacent
/// values x of A select a 16-entry table of <c>x₁ v₁ + x₂ v₂</c>. One shuffle yields 32 sums of two products, twice the
/// rate of vpmaddubsw. x is relative to A's third level, in [−2, 1]; adding <c>3 max(0, −x)</c> makes every entry non-
/// negative and at most 6 per value. With <c>b = low + spacing v</c>: <c>Σ x b = spacing Σ (x v + 3 max(0, −x)) + low Σ
/// x − 3 spacing Σ max(0, −x)</c>.
/// </summary>
/// <param name="lowA">Lowest value of A.</param>
/// <param name="ofB">Range of B.</param>
internal readonly unsafe struct LookupMicrokernel(int lowA, IntegerRange ofB) : IInt8Microkernel
{
    private const int Rows = 6, Third = 2;

    // Table entries are at most 12, so 21 of them fit a byte; the loop takes two pairs at a time. The tables of a chunk
    // fit the L1 cache.
    private const int SafePairs = 20, ChunkPairs = 12 * SafePairs, Lookup = 32, Outputs = 2 * Lookup, TableBytes = 16;

    // Layout of packed rows: a correction per row; scratch for 8-bit sums, [group of SafePairs, row, output]; the
    // tables.
    private const int SumsAt = 64, TablesAt = SumsAt + (ChunkPairs / SafePairs * Rows * Outputs);

    /// <summary>Tables of all 16 pairs of A, index a₁ + 4 a₂, a counted from the lowest.</summary>
    private static readonly byte[] Tables =
        [.. from pair in Enumerable.Range(0, 16) from code in Enumerable.Range(0, 16) select (byte)(
            Entry(pair & 3, code & 3) + Entry(pair >> 2, code >> 2))];

    /// <summary>Whether both operands have at most four levels.</summary>
    public static bool Supports(IntegerRange ofA, IntegerRange ofB) => ofA.High - ofA.Low <= 3 && ofB.Steps <= 3;

    public int Origin => lowA + Third;

    public int TileRows => Rows;

    public int PanelWidth => Outputs;

    public int ChunkColumns => 2 * ChunkPairs;

    public int PanelBytes => ChunkPairs * Outputs;

    public int RowBytes => TablesAt + ((ChunkPairs + TableBytes) * Rows * TableBytes);

    /// <summary>
    /// Packs B as [pair, output] 4-bit indices. Within 32 bytes two runs of sixteen outputs interleave, so that sums
    /// widen by shift and mask; quads two and three of a run are swapped, which the in-lane unpacking of the sums
    /// undoes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackPanel(sbyte* b, long stride, int outputs, int columns, byte* panel)
    {
        var codes = stackalloc Vector128<byte>[2 * TableBytes];
        var pairs = Pairs(columns);
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
                            ? Codes(b + (output * stride) + (2 * first), columns - (2 * first), ofB.Low,
                                ofB.Spacing - 1, rest: ofB.Low)
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

    /// <summary>Packs rows of A: a correction per row, and the tables [pair, row].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackRows(sbyte* a, long stride, int rows, int columns, byte* packed)
    {
        var pairs = Pairs(columns);
        var added = (int*)packed;
        var tables = packed + TablesAt;
        var (level, third) = (Vector128.Create((byte)3), Vector128.Create((byte)Third));
        fixed (byte* known = Tables)
        {
            for (var row = 0; row < rows; row++, tables += TableBytes)
            {
                var (positive, negative) = (Vector128<ulong>.Zero, Vector128<ulong>.Zero);
                for (var first = 0; first < pairs; first += TableBytes)
                {
                    var codes = Codes(a + (row * stride) + (2 * first), columns - (2 * first), lowA, 0, rest: Origin);
                    var (low, high) = (codes & level, (codes.AsUInt16() >>> 2).AsByte() & level);
                    positive += Sum(Sse2.SubtractSaturate(low, third) + Sse2.SubtractSaturate(high, third));
                    negative += Sum(Sse2.SubtractSaturate(third, low) + Sse2.SubtractSaturate(third, high));
                    var places = (codes.AsUInt16() << 4).AsUInt64(); // byte offset of a 16-byte table
                    var target = tables + (first * Rows * TableBytes);
                    Copy(known, places[0], target);
                    Copy(known, places[1], target + (8 * Rows * TableBytes));
                }

                var (above, below) = ((int)(positive[0] + positive[1]), (int)(negative[0] + negative[1]));
                added[row] = (ofB.Low * (above - below)) - (3 * ofB.Spacing * below);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Multiply(byte* packed, byte* panel, int columns, int* start, int* product)
    {
        byte* sums = packed + SumsAt, tables = packed + TablesAt;
        for (var (pair, pairs) = (0, Pairs(columns)); pair < pairs; sums += Rows * Outputs)
        {
            var (a0, a1, b0, b1) =
                (Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero);
            var (c0, c1, d0, d1) =
                (Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero);
            var (e0, e1, f0, f1) =
                (Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero, Vector256<byte>.Zero);
            for (var stop = Math.Min(pairs, pair + SafePairs); pair < stop;
                pair += 2, tables += 2 * Rows * TableBytes, panel += 2 * Outputs)
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

                (codes0, codes1) = (Vector256.Load(panel + Outputs), Vector256.Load(panel + Outputs + Lookup));
                table = Avx2.BroadcastVector128ToVector256(tables + (6 * TableBytes));
                a0 += Avx2.Shuffle(table, codes0);
                a1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (7 * TableBytes));
                b0 += Avx2.Shuffle(table, codes0);
                b1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (8 * TableBytes));
                c0 += Avx2.Shuffle(table, codes0);
                c1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (9 * TableBytes));
                d0 += Avx2.Shuffle(table, codes0);
                d1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (10 * TableBytes));
                e0 += Avx2.Shuffle(table, codes0);
                e1 += Avx2.Shuffle(table, codes1);
                table = Avx2.BroadcastVector128ToVector256(tables + (11 * TableBytes));
                f0 += Avx2.Shuffle(table, codes0);
                f1 += Avx2.Shuffle(table, codes1);
            }

            Store(a0, a1, sums);
            Store(b0, b1, sums + Outputs);
            Store(c0, c1, sums + (2 * Outputs));
            Store(d0, d1, sums + (3 * Outputs));
            Store(e0, e1, sums + (4 * Outputs));
            Store(f0, f1, sums + (5 * Outputs));
        }

        // vpmaddwd by (spacing, 0): sums are at most 12 · 240 and stand in the low half of each 32-bit lane.
        var spacing = Vector256.Create(ofB.Spacing).AsInt16();
        for (var row = 0; row < Rows; row++)
        {
            var shift = Vector256.Create(((int*)packed)[row]);
            for (var output = 0; output < Outputs; output += Lookup, product += Lookup)
            {
                var (both, odd) = (Vector256<ushort>.Zero, Vector256<ushort>.Zero);
                for (var some = packed + SumsAt + (row * Outputs) + output; some < sums; some += Rows * Outputs)
                {
                    var next = Vector256.Load(some).AsUInt16();
                    both += next;
                    odd += next >>> 8;
                }

                var from = start == null ? product : start + output;
                Add(both - (odd << 8), spacing, shift, from, product);
                Add(odd, spacing, shift, from + (Lookup / 2), product + (Lookup / 2));
            }
        }
    }

    /// <summary>Pairs of columns, rounded up to an even number.</summary>
    private static int Pairs(int columns) => (columns + 3) / 4 * 2;

    private static int Entry(int level, int weight) => ((level - Third) * weight) + (3 * Math.Max(0, Third - level));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Sum(Vector128<byte> values) =>
        Sse2.SumAbsoluteDifferences(values, Vector128<byte>.Zero).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<byte> first, Vector256<byte> second, byte* sums)
    {
        first.Store(sums);
        second.Store(sums + Lookup);
    }

    /// <summary>Accumulates sixteen outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        Vector256<ushort> sums, Vector256<short> spacing, Vector256<int> shift, int* from, int* product)
    {
        var low = Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(sums, Vector256<ushort>.Zero).AsInt16(), spacing);
        var high = Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(sums, Vector256<ushort>.Zero).AsInt16(), spacing);
        (low + (shift + Vector256.Load(from))).Store(product);
        (high + (shift + Vector256.Load(from + 8))).Store(product + 8);
    }

    /// <summary>
    /// Copies the tables of eight pairs, given their byte offsets. Unrolled: a loop costs as much as the copies.
    /// </summary>
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

    /// <summary>Sixteen pairs of values as 4-bit indices v₁ + 4 v₂, v counted from the lowest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Codes(sbyte* values, int count, int low, int halving, int rest)
    {
        var lows = Vector256.Create((sbyte)low);
        var levels = count >= Vector256<sbyte>.Count
            ? Vector256.Load(values)
            : Partial(values, count, Vector256.Create((sbyte)rest));
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

    /// <summary>16 × 16 byte transpose: four rounds of interleaving rows i and i + 8.</summary>
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
}
