using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using static TorchSharp.torch;

namespace Marrow.Kernels;

/// <summary>The entries of a matrix, whose rows or columns are contiguous.</summary>
/// <param name="entries">The first.</param>
/// <param name="lineStride">From line to line.</param>
/// <param name="stepStride">From entry to entry of a line. This or the other is 1.</param>
internal readonly unsafe struct FloatOperand(float* entries, long lineStride, long stepStride) : IPanelOperand
{
    /// <summary>The rows of a matrix.</summary>
    public static FloatOperand Rows(Tensor matrix) => new(matrix.Entries(), matrix.stride(0), matrix.stride(1));

    /// <summary>The columns of a matrix.</summary>
    public static FloatOperand Columns(Tensor matrix) => new(matrix.Entries(), matrix.stride(1), matrix.stride(0));

    public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
    {
        var first = entries + (line * lineStride) + (step * stepStride);
        if (stepStride != 1)
        {
            Copy(first, stepStride, lines, steps, panels, next, width);
            return;
        }

        for (var panel = 0; panel < lines; panel += width, panels += next)
        {
            Transpose(first + (panel * lineStride), lineStride, Math.Min(width, lines - panel), steps, panels, width);
        }
    }

    /// <summary>Asks for what is a few rows ahead: steps are far apart, and the processor does not foresee them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Prefetch(float* first, long ahead, int count)
    {
        for (var entry = 0; entry < count; entry += 16)
        {
            Sse.Prefetch0(first + ahead + entry);
        }
    }

    /// <summary>From lines that are contiguous.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    internal static void Transpose(float* first, long stride, int lines, int steps, float* panel, int width)
    {
        for (var line = 0; line < lines; line += Lanes.Count)
        {
            // Lines that are not there are read as the last one: nobody looks at what comes of them.
            var last = lines - line - 1;
            float* a = first + (line * stride), b = a + (Math.Min(1, last) * stride), c = a + (Math.Min(2, last) * stride), d = a + (Math.Min(3, last) * stride);
            float* e = a + (Math.Min(4, last) * stride), f = a + (Math.Min(5, last) * stride), g = a + (Math.Min(6, last) * stride), h = a + (Math.Min(7, last) * stride);
            var target = panel + line;
            var step = 0;
            for (; step <= steps - Lanes.Count; step += Lanes.Count, target += Lanes.Count * width)
            {
                Vector256<float> a0 = Vector256.Load(a + step), b0 = Vector256.Load(b + step), c0 = Vector256.Load(c + step), d0 = Vector256.Load(d + step);
                Vector256<float> e0 = Vector256.Load(e + step), f0 = Vector256.Load(f + step), g0 = Vector256.Load(g + step), h0 = Vector256.Load(h + step);
                Vector256<float> ab = Avx.UnpackLow(a0, b0), ab1 = Avx.UnpackHigh(a0, b0), cd = Avx.UnpackLow(c0, d0), cd1 = Avx.UnpackHigh(c0, d0);
                Vector256<float> ef = Avx.UnpackLow(e0, f0), ef1 = Avx.UnpackHigh(e0, f0), gh = Avx.UnpackLow(g0, h0), gh1 = Avx.UnpackHigh(g0, h0);
                (a0, b0, c0, d0) = (Avx.Shuffle(ab, cd, 0x44), Avx.Shuffle(ab, cd, 0xEE), Avx.Shuffle(ab1, cd1, 0x44), Avx.Shuffle(ab1, cd1, 0xEE));
                (e0, f0, g0, h0) = (Avx.Shuffle(ef, gh, 0x44), Avx.Shuffle(ef, gh, 0xEE), Avx.Shuffle(ef1, gh1, 0x44), Avx.Shuffle(ef1, gh1, 0xEE));

                // In this order: where the width is 6, each store covers two floats of the next step.
                Avx.Permute2x128(a0, e0, 0x20).Store(target);
                Avx.Permute2x128(b0, f0, 0x20).Store(target + width);
                Avx.Permute2x128(c0, g0, 0x20).Store(target + (2 * width));
                Avx.Permute2x128(d0, h0, 0x20).Store(target + (3 * width));
                Avx.Permute2x128(a0, e0, 0x31).Store(target + (4 * width));
                Avx.Permute2x128(b0, f0, 0x31).Store(target + (5 * width));
                Avx.Permute2x128(c0, g0, 0x31).Store(target + (6 * width));
                Avx.Permute2x128(d0, h0, 0x31).Store(target + (7 * width));
            }

            for (; step < steps; step++, target += width)
            {
                for (var i = 0; i < Math.Min(Lanes.Count, lines - line); i++)
                {
                    target[i] = a[(i * stride) + step];
                }
            }
        }
    }

    /// <summary>From steps that are contiguous: each is read once, from end to end.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Copy(float* first, long stride, int lines, int steps, float* panels, long next, int width)
    {
        for (var step = 0; step < steps; step++, first += stride, panels += width)
        {
            var panel = panels;
            var line = 0;
            Prefetch(first, 8 * stride, lines);
            if (width == 16)
            {
                for (; line <= lines - 16; line += 16, panel += next)
                {
                    Vector256.Load(first + line).Store(panel);
                    Vector256.Load(first + line + 8).Store(panel + 8);
                }
            }
            else
            {
                // Two floats too many, which the next step's cover.
                for (; line <= lines - 8; line += 6, panel += next)
                {
                    Vector256.Load(first + line).Store(panel);
                }
            }

            for (; line < lines; line += width, panel += next)
            {
                for (var rest = 0; rest < Math.Min(width, lines - line); rest++)
                {
                    panel[rest] = first[line + rest];
                }
            }
        }
    }
}
