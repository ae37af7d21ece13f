using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// Exact int8 GEMM for AVX2, blocked in the usual way: B is packed into panels once, each thread packs the rows of A
/// that it multiplies. Microkernels take unsigned rows: <c>A Bᵀ = (A − origin) Bᵀ + origin Σ_k B</c>. At most four
/// levels on each side take <see cref="LookupMicrokernel"/>, more <see cref="Int8Microkernel"/>.
/// </summary>
internal static unsafe class Int8Gemm
{
    /// <summary><c>A Bᵀ</c>.</summary>
    /// <param name="a">int8 [n, k], contiguous.</param>
    /// <param name="ofA">Range of a.</param>
    /// <param name="b">int8 [m, k], contiguous.</param>
    /// <param name="ofB">Range of b.</param>
    /// <param name="epilogue">Receives the product tile by tile.</param>
    public static void Multiply<TEpilogue>(
        Tensor a, IntegerRange ofA, Tensor b, IntegerRange ofB, ref TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        if (LookupMicrokernel.Supports(ofA, ofB))
        {
            Run(new LookupMicrokernel(ofA.Low, ofB), a, b, ref epilogue);
        }
        else
        {
            Run(new Int8Microkernel(ofA, ofB), a, b, ref epilogue);
        }
    }

    /// <summary>The products of a batch, each on one thread.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="count">Number of products.</param>
    /// <param name="size">n, m, k of each.</param>
    /// <param name="ofA">Range of all A.</param>
    /// <param name="ofB">Range of all B.</param>
    public static void MultiplyEach<TBatch, TEpilogue>(
        ref TBatch batch, int count, (int N, int M, int K) size, IntegerRange ofA, IntegerRange ofB)
        where TBatch : struct, IInt8Batch<TEpilogue>
        where TEpilogue : struct, IGemmEpilogue
    {
        if (LookupMicrokernel.Supports(ofA, ofB))
        {
            Run(new LookupMicrokernel(ofA.Low, ofB), ref batch);
        }
        else
        {
            Run(new Int8Microkernel(ofA, ofB), ref batch);
        }

        void Run<TMicrokernel>(TMicrokernel microkernel, ref TBatch batch)
            where TMicrokernel : struct, IInt8Microkernel
        {
            var kernel = new BatchKernel<TMicrokernel, TBatch, TEpilogue>
            {
                Microkernel = microkernel,
                Batch = batch,
                Size = size,
            };
            ThreadTeam.Run(ref kernel, count, (long)count * size.N * size.M);
        }
    }

    private static void Run<TMicrokernel, TEpilogue>(
        TMicrokernel microkernel, Tensor a, Tensor b, ref TEpilogue epilogue)
        where TMicrokernel : struct, IInt8Microkernel
        where TEpilogue : struct, IGemmEpilogue
    {
        var (n, m, k) = ((int)a.size(0), (int)b.size(0), (int)a.size(1));
        using var panels = new Panels(microkernel.PanelWidth, microkernel.PanelBytes, Parts(m, microkernel.PanelWidth),
            Parts(k, microkernel.ChunkColumns));
        var pack = new PackKernel<TMicrokernel>
        {
            Microkernel = microkernel,
            B = b.SignedBytes(),
            Stride = k,
            Outputs = m,
            Columns = k,
            Panels = panels,
        };
        ThreadTeam.Run(ref pack, panels.Count, b.numel());
        var multiply = new MultiplyKernel<TMicrokernel, TEpilogue>
        {
            Microkernel = microkernel,
            Epilogue = epilogue,
            A = a.SignedBytes(),
            Count = n,
            Outputs = m,
            Columns = k,
            Panels = panels,
        };
        ThreadTeam.Run(ref multiply, Parts(n, microkernel.TileRows), (long)n * m);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
    }

    private static int Parts(int whole, int part) => (whole + part - 1) / part;

    /// <summary>Packed B, and the correction of each output for the origin of A.</summary>
    private readonly struct Panels(int width, int bytes, int count, int chunks) : IDisposable
    {
        public int Count => count;

        public int Chunks => chunks;

        public int* Sums { get; } = (int*)NativeMemory.AllocZeroed((nuint)(count * width), sizeof(int));

        private readonly byte* packed =
            (byte*)NativeMemory.AlignedAlloc((nuint)count * (nuint)chunks * (nuint)bytes, 64);

        public byte* At(int panel, int chunk) => packed + (((long)(panel * chunks) + chunk) * bytes);

        public void Dispose()
        {
            NativeMemory.AlignedFree(packed);
            NativeMemory.Free(Sums);
        }
    }

    private struct BatchKernel<TMicrokernel, TBatch, TEpilogue> : IRangeKernel
        where TMicrokernel : struct, IInt8Microkernel
        where TBatch : struct, IInt8Batch<TEpilogue>
        where TEpilogue : struct, IGemmEpilogue
    {
        public TMicrokernel Microkernel;
        public TBatch Batch;
        public (int N, int M, int K) Size;

        public void Run(int first, int end, int part)
        {
            using var panels = new Panels(Microkernel.PanelWidth, Microkernel.PanelBytes,
                Parts(Size.M, Microkernel.PanelWidth), Parts(Size.K, Microkernel.ChunkColumns));
            for (var item = first; item < end; item++)
            {
                var pack = new PackKernel<TMicrokernel>
                {
                    Microkernel = Microkernel,
                    B = Batch.Right(item, out var stride),
                    Stride = stride,
                    Outputs = Size.M,
                    Columns = Size.K,
                    Panels = panels,
                };
                pack.Run(0, panels.Count, part);
                var multiply = new MultiplyKernel<TMicrokernel, TEpilogue>
                {
                    Microkernel = Microkernel,
                    Epilogue = Batch.Epilogue(item),
                    A = Batch.Left(item),
                    Count = Size.N,
                    Outputs = Size.M,
                    Columns = Size.K,
                    Panels = panels,
                };
                multiply.Run(0, Parts(Size.N, Microkernel.TileRows), part);
            }
        }
    }

    /// <summary>Packs panels and computes the corrections <c>origin Σ_k B</c>.</summary>
    private struct PackKernel<TMicrokernel> : IRangeKernel
        where TMicrokernel : struct, IInt8Microkernel
    {
        public TMicrokernel Microkernel;
        public sbyte* B;
        public long Stride;
        public int Outputs, Columns;
        public Panels Panels;

        public readonly void Run(int first, int end, int part)
        {
            for (var panel = first; panel < end; panel++)
            {
                var output = panel * Microkernel.PanelWidth;
                var b = B + (output * Stride);
                var outputs = Math.Min(Microkernel.PanelWidth, Outputs - output);
                for (var chunk = 0; chunk < Panels.Chunks; chunk++)
                {
                    var column = chunk * Microkernel.ChunkColumns;
                    var columns = Math.Min(Microkernel.ChunkColumns, Columns - column);
                    Microkernel.PackPanel(b + column, Stride, outputs, columns, Panels.At(panel, chunk));
                }

                for (var o = 0; o < outputs && Microkernel.Origin != 0; o++)
                {
                    Panels.Sums[output + o] = Microkernel.Origin * Sum(b + (o * Stride));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly int Sum(sbyte* values)
        {
            var (sums, index) = (Vector256<short>.Zero, 0);
            var sum = 0;
            while (index <= Columns - Vector256<sbyte>.Count)
            {
                // An int16 lane holds the sum of 256 bytes.
                for (var stop = Math.Min(Columns, index + (128 * Vector256<sbyte>.Count));
                    index <= stop - Vector256<sbyte>.Count; index += Vector256<sbyte>.Count)
                {
                    var (lower, upper) = Vector256.Widen(Vector256.Load(values + index));
                    sums += lower + upper;
                }

                var (low, high) = Vector256.Widen(sums);
                (sum, sums) = (sum + Vector256.Sum(low + high), Vector256<short>.Zero);
            }

            for (; index < Columns; index++)
            {
                sum += values[index];
            }

            return sum;
        }
    }

    private struct MultiplyKernel<TMicrokernel, TEpilogue> : IRangeKernel
        where TMicrokernel : struct, IInt8Microkernel
        where TEpilogue : struct, IGemmEpilogue
    {
        public TMicrokernel Microkernel;
        public TEpilogue Epilogue;
        public sbyte* A;
        public int Count, Outputs, Columns;
        public Panels Panels;

        public void Run(int first, int end, int part)
        {
            var (height, width) = (Microkernel.TileRows, Microkernel.PanelWidth);
            // With several chunks the sums of all panels are kept between them; one chunk needs a single panel's.
            var kept = Panels.Chunks == 1 ? 0 : height * width;
            var product = (int*)NativeMemory.AlignedAlloc(
                (nuint)(((kept * (Panels.Count - 1)) + (height * width)) * sizeof(int)), 64);
            var packed = (byte*)NativeMemory.AlignedAlloc((nuint)Microkernel.RowBytes, 64);
            try
            {
                for (var row = first * height; row < Math.Min(Count, end * height); row += height)
                {
                    var rows = Math.Min(height, Count - row);
                    for (var chunk = 0; chunk < Panels.Chunks; chunk++)
                    {
                        var column = chunk * Microkernel.ChunkColumns;
                        var columns = Math.Min(Microkernel.ChunkColumns, Columns - column);
                        Microkernel.PackRows(A + ((long)row * Columns) + column, Columns, rows, columns, packed);
                        for (var panel = 0; panel < Panels.Count; panel++)
                        {
                            var sums = product + (panel * kept);
                            Microkernel.Multiply(packed, Panels.At(panel, chunk), columns, chunk == 0
                                ? Panels.Sums + (panel * width) : null, sums);

                            // Per panel, so that stores overlap with the next panel's products.
                            if (chunk == Panels.Chunks - 1)
                            {
                                Epilogue.Store(row, rows, panel * width, Math.Min(width, Outputs - (panel * width)),
                                    sums, width);
                            }
                        }
                    }
                }
            }
            finally
            {
                NativeMemory.AlignedFree(product);
                NativeMemory.AlignedFree(packed);
            }
        }
    }
}
