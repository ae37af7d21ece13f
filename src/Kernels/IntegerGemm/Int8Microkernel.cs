using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Kernels.Memory;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// u8 × s8 microkernel (vpmaddubsw): pairs of products accumulate in int16 for as long as the ranges rule out overflow,
/// then in int32. Where a single pair could overflow (8 bits on both sides) A is split into low and high nibbles,
/// multiplied one after the other.
/// </summary>
/// <param name="ofA">Range of A.</param>
/// <param name="ofB">Range of B.</param>
internal readonly unsafe struct Int8Microkernel(IntegerRange ofA, IntegerRange ofB) : IInt8Microkernel
{
    private const int Rows = 4, Outputs = 24, Quad = 4, Chunk = 512, HalfBits = 4;

    private readonly bool isSplit = SafeQuads(ofA.High - ofA.Low, ofB) == 0;

    public int Origin => ofA.Low;

    public int TileRows => Rows;

    public int PanelWidth => Outputs;

    public int ChunkColumns => Chunk;

    public int PanelBytes => Chunk * Outputs;

    public int RowBytes => (isSplit ? 2 : 1) * Rows * Chunk;

    /// <summary>Packs B as [quad of columns, output, 4].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackPanel(sbyte* b, long stride, int outputs, int columns, byte* panel)
    {
        new Span<byte>(panel, PanelBytes).Clear();
        for (var output = 0; output < outputs; output++, b += stride)
        {
            var column = 0;
            for (; column <= columns - Quad; column += Quad)
            {
                *(int*)(panel + (column * Outputs) + (output * Quad)) = Unsafe.ReadUnaligned<int>(b + column);
            }

            for (; column < columns; column++)
            {
                panel[(column / Quad * Quad * Outputs) + (output * Quad) + (column % Quad)] = (byte)b[column];
            }
        }
    }

    /// <summary>
    /// Packs A as [row, column], relative to its lowest value; if split, low nibbles and then high ones.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void PackRows(sbyte* a, long stride, int rows, int columns, byte* packed)
    {
        new Span<byte>(packed, RowBytes).Clear();
        var (low, half) = (Vector256.Create((sbyte)ofA.Low), Vector256.Create((byte)((1 << HalfBits) - 1)));
        for (var row = 0; row < rows; row++)
        {
            var source = a + (row * stride);
            byte* target = packed + (row * Chunk), upper = target + (Rows * Chunk);
            var column = 0;
            for (; column <= columns - Vector256<byte>.Count; column += Vector256<byte>.Count)
            {
                var level = (Vector256.Load(source + column) - low).AsByte();
                (isSplit ? level & half : level).Store(target + column);
                if (isSplit)
                {
                    ((level.AsUInt16() >>> HalfBits).AsByte() & half).Store(upper + column);
                }
            }

            for (; column < columns; column++)
            {
                var level = (byte)(source[column] - ofA.Low);
                target[column] = isSplit ? (byte)(level & ((1 << HalfBits) - 1)) : level;
                if (isSplit)
                {
                    upper[column] = (byte)(level >> HalfBits);
                }
            }
        }
    }

    public void Multiply(byte* packed, byte* panel, int columns, int* start, int* product)
    {
        for (var row = 0; start != null && row < Rows; row++)
        {
            new Span<int>(start, Outputs).CopyTo(new Span<int>(product + (row * Outputs), Outputs));
        }

        var quads = (columns + Quad - 1) / Quad;
        if (!isSplit)
        {
            Multiply(packed, (sbyte*)panel, quads, SafeQuads(ofA.High - ofA.Low, ofB), 0, product);
            return;
        }

        var safe = SafeQuads((1 << HalfBits) - 1, ofB);
        Multiply(packed, (sbyte*)panel, quads, safe, 0, product);
        Multiply(packed + (Rows * Chunk), (sbyte*)panel, quads, safe, HalfBits, product);
    }

    /// <summary>Number of pairs of products that int16 can accumulate.</summary>
    private static int SafeQuads(int highest, IntegerRange ofB) =>
        short.MaxValue / Math.Max(1, 2 * highest * Math.Max(Math.Abs(ofB.Low), Math.Abs(ofB.High)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(byte* rows, sbyte* panel, int quads, int safe, int shift, int* product)
    {
        for (var quad = 0; quad < quads;)
        {
            var (a0, a1, a2) = (Vector256<short>.Zero, Vector256<short>.Zero, Vector256<short>.Zero);
            var (b0, b1, b2) = (Vector256<short>.Zero, Vector256<short>.Zero, Vector256<short>.Zero);
            var (c0, c1, c2) = (Vector256<short>.Zero, Vector256<short>.Zero, Vector256<short>.Zero);
            var (d0, d1, d2) = (Vector256<short>.Zero, Vector256<short>.Zero, Vector256<short>.Zero);
            for (var stop = (int)Math.Min(quads, (long)quad + safe); quad < stop;
                quad++, rows += Quad, panel += Outputs * Quad)
            {
                var (w0, w1, w2) = (Vector256.Load(panel), Vector256.Load(panel + 32), Vector256.Load(panel + 64));
                var levels = Vector256.Create(*(int*)rows).AsByte();
                a0 += Avx2.MultiplyAddAdjacent(levels, w0);
                a1 += Avx2.MultiplyAddAdjacent(levels, w1);
                a2 += Avx2.MultiplyAddAdjacent(levels, w2);
                levels = Vector256.Create(*(int*)(rows + Chunk)).AsByte();
                b0 += Avx2.MultiplyAddAdjacent(levels, w0);
                b1 += Avx2.MultiplyAddAdjacent(levels, w1);
                b2 += Avx2.MultiplyAddAdjacent(levels, w2);
                levels = Vector256.Create(*(int*)(rows + (2 * Chunk))).AsByte();
                c0 += Avx2.MultiplyAddAdjacent(levels, w0);
                c1 += Avx2.MultiplyAddAdjacent(levels, w1);
                c2 += Avx2.MultiplyAddAdjacent(levels, w2);
                levels = Vector256.Create(*(int*)(rows + (3 * Chunk))).AsByte();
                d0 += Avx2.MultiplyAddAdjacent(levels, w0);
                d1 += Avx2.MultiplyAddAdjacent(levels, w1);
                d2 += Avx2.MultiplyAddAdjacent(levels, w2);
            }

            Add(a0, a1, a2, shift, product);
            Add(b0, b1, b2, shift, product + Outputs);
            Add(c0, c1, c2, shift, product + (2 * Outputs));
            Add(d0, d1, d2, shift, product + (3 * Outputs));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(
        Vector256<short> first, Vector256<short> second, Vector256<short> third, int shift, int* product)
    {
        Add(first, shift, product);
        Add(second, shift, product + 8);
        Add(third, shift, product + 16);
    }

    /// <summary>Adds both pairs of each quad to the int32 product.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector256<short> pairs, int shift, int* product) =>
        (Vector256.Load(product)
            + Vector256.ShiftLeft(Avx2.MultiplyAddAdjacent(pairs, Vector256<short>.One), shift)).Store(product);
}
