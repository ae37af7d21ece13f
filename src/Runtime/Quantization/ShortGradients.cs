using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// The products of a quantized linear layer's backward in integers of 16 bits, for processors without bfloat16: levels are integers already, and
/// gradients are rounded to 15 bits (12 or more where levels have 6 to 8 and sums are long) of the largest of their line: <c>dx̂ = (dy ∘ ws) p</c> by rows of dy,
/// <c>dŴ = (dy ∘ S)ᵀ q + db ⊗ after</c> by its columns. Sums are exact. bfloat16 would round those below a 128th of the largest (a 15th at 12 bits) more finely, and all others less.
/// </summary>
internal static unsafe class ShortGradients
{
    // The largest gradient of a line with less is taken for zero: what it would be multiplied with is beyond float32.
    private const float Least = 1e-30f;

    /// <summary>Whether the kernels apply.</summary>
    public static bool Suit(Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after)
    {
        using var columns = dy.t();
        var (outputs, inputs) = (weight.Stored.size(0), weight.Stored.size(1));
        return MatrixProduct.Suits(dy, inputs) && MatrixProduct.Suits(columns, inputs) && dy.is_contiguous()
            && dy.size(1) == outputs && x.Stored.shape.SequenceEqual([dy.size(0), inputs])
            && TensorMemory.AreFloats(step, weight.Scale, after) && weight.Scale.numel() == outputs && after.numel() == inputs;
    }

    /// <summary>The gradients, or null if something is not finite; <see cref="Suit"/>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="x">q [n, in].</param>
    /// <param name="weight">p [out, in] and ws.</param>
    /// <param name="step">S.</param>
    /// <param name="after">The shift after, [in].</param>
    public static (Tensor Input, Tensor Weight, Tensor Bias)? Products(Tensor dy, ActivationLevels x, WeightLevels weight, Tensor step, Tensor after)
    {
        var (rows, outputs, inputs) = (x.Stored.size(0), weight.Stored.size(0), x.Stored.size(1));
        var gradients = new Gradients(dy, weight.Scale, step);
        using var byRow = empty([rows + PanelProduct.TileRows], dtype: ScalarType.Float32);
        using var byColumn = empty([outputs + PanelProduct.TileRows], dtype: ScalarType.Float32);
        var bias = Largest(gradients, byRow, byColumn);
        if (!IsFinite(byRow, rows) || !IsFinite(byColumn, outputs) || !IsFinite(bias, outputs) || !IsFinite(weight.Scale, outputs) || !IsFinite(step, step.numel()))
        {
            bias.Dispose();
            return null;
        }

        var (p, q) = (new ShortLevels(weight), new ShortLevels(x));
        using Tensor ofRow = empty_like(byRow), ofColumn = empty_like(byColumn);
        Scale(byRow, rows, MostGradient(outputs, p), ofRow);
        Scale(byColumn, outputs, MostGradient(rows, q), ofColumn);
        var (input, weightGradient) = (empty([rows, inputs], dtype: ScalarType.Float32), empty([outputs, inputs], dtype: ScalarType.Float32));
        PanelProduct.Multiply(
            new ShortTile(byRow.Floats()), new ShortRows(gradients, ofRow), p, default(NoStart), input, Pairs(outputs));
        PanelProduct.Multiply(
            new ShortTile(byColumn.Floats()), new ShortColumns(gradients, ofColumn), q, new OuterStart(bias.Floats(), after.Floats()), weightGradient, Pairs(rows));
        MatrixProduct.Keep(dy, x.Stored, weight.Stored, weight.Scale, step, after);
        return (input, weightGradient, bias);
    }

    /// <summary>As an integer: the sums of a tile, two products a step, stay within 32 bits.</summary>
    private static int MostGradient(long count, ShortLevels levels) =>
        Math.Min(short.MaxValue, int.MaxValue / (2 * Math.Min(Pairs(count), PanelProduct.MostSteps) * levels.Most));

    private static int Pairs(long count) => (int)((count + 1) / 2);

    /// <summary>Turns the largest gradient of each line into what one is worth, and gives what a gradient is multiplied with.</summary>
    private static void Scale(Tensor largest, long lines, int most, Tensor inverse)
    {
        float* of = largest.Floats(), factors = inverse.Floats();
        for (var line = 0; line < lines; line++)
        {
            factors[line] = of[line] < Least ? 0 : most / of[line];
            of[line] /= most;
        }
    }

    private static bool IsFinite(Tensor values, long count)
    {
        foreach (var value in new ReadOnlySpan<float>(values.Floats(), (int)count))
        {
            if (!float.IsFinite(value))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The largest |dy ∘ ws| of each row and |dy ∘ S| of each column; returns Σ dy.</summary>
    private static Tensor Largest(Gradients gradients, Tensor byRow, Tensor byColumn)
    {
        var elements = (long)gradients.Rows * gradients.Columns;
        var parts = ThreadTeam.Parts(gradients.Rows, elements);
        using PartialSums largest = new(parts, gradients.Columns), sums = new(parts, gradients.Columns);
        var kernel = new LargestKernel { Gradients = gradients, ByRow = byRow.Floats(), ByColumn = largest, Sums = sums };
        ThreadTeam.Run(ref kernel, gradients.Rows, elements);
        LargestOf(largest.Values, parts, gradients.Columns, byColumn.Floats());
        return sums.Total();
    }

    private static void LargestOf(float* values, int rows, int columns, float* target)
    {
        new Span<float>(values, columns).CopyTo(new Span<float>(target, columns));
        for (var row = 1; row < rows; row++)
        {
            values += columns;
            var column = 0;
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                Vector256.MaxNative(Vector256.Load(target + column), Vector256.Load(values + column)).Store(target + column);
            }

            for (; column < columns; column++)
            {
                target[column] = MathF.Max(target[column], values[column]);
            }
        }
    }

    private struct LargestKernel : IRangeKernel
    {
        public Gradients Gradients;
        public float* ByRow;
        public PartialSums ByColumn, Sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            var (columns, of) = (Gradients.Columns, Gradients);
            float* byColumn = ByColumn.Begin(part), sums = Sums.Begin(part);
            for (var row = first; row < end; row++)
            {
                var dy = of.Dy + ((long)row * columns);
                var s = of.StepOf(row);
                var largest = Vector256<float>.Zero;
                var column = 0;
                for (; column <= columns - Lanes.Count; column += Lanes.Count)
                {
                    var value = Vector256.Load(dy + column);
                    (Vector256.Load(sums + column) + value).Store(sums + column);
                    largest = Vector256.MaxNative(largest, Vector256.Abs(value * Vector256.Load(of.WeightScale + column)));
                    Vector256.MaxNative(Vector256.Load(byColumn + column), Vector256.Abs(value * s)).Store(byColumn + column);
                }

                var most = 0f;
                for (var lane = 0; lane < Lanes.Count; lane++)
                {
                    most = MathF.Max(most, largest[lane]);
                }

                for (; column < columns; column++)
                {
                    sums[column] += dy[column];
                    most = MathF.Max(most, MathF.Abs(dy[column] * of.WeightScale[column]));
                    byColumn[column] = MathF.Max(byColumn[column], MathF.Abs(dy[column] * s));
                }

                ByRow[row] = most;
            }
        }
    }

    /// <summary>dy, and what its columns and rows are multiplied with.</summary>
    private readonly struct Gradients(Tensor dy, Tensor weightScale, Tensor step)
    {
        private readonly float* step = step.Floats();
        private readonly int steps = (int)step.numel();

        public float* Dy { get; } = dy.Floats();

        public float* WeightScale { get; } = weightScale.Floats();

        public int Rows { get; } = (int)dy.size(0);

        public int Columns { get; } = (int)dy.size(1);

        public float StepOf(int row) => LsqKernels.Usable(step[row % steps]);
    }

    /// <summary>The rows of dy ∘ ws, in pairs of columns, as the left side of a product.</summary>
    private readonly struct ShortRows(Gradients gradients, Tensor inverse) : IPanelOperand
    {
        private readonly float* inverse = inverse.Floats();

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
        {
            var (columns, of) = (gradients.Columns, gradients);
            var pairs = stackalloc int[PanelProduct.TileRows * PanelProduct.MostSteps];
            for (var first = line; first < line + lines; first += width, panels += next)
            {
                var count = Math.Min(width, line + lines - first);
                for (var row = 0; row < count; row++)
                {
                    var target = pairs + (row * steps);
                    var dy = of.Dy + ((long)(first + row) * columns);
                    var scale = inverse[first + row];
                    int column = 2 * step, end = Math.Min(columns, 2 * (step + steps));
                    for (; column <= end - (2 * Lanes.Count); column += 2 * Lanes.Count, target += Lanes.Count)
                    {
                        var low = Vector256.Load(dy + column) * Vector256.Load(of.WeightScale + column) * scale;
                        var high = Vector256.Load(dy + column + Lanes.Count) * Vector256.Load(of.WeightScale + column + Lanes.Count) * scale;
                        Lanes.Narrow(Lanes.Round(low), Lanes.Round(high)).AsInt32().Store(target);
                    }

                    for (; column < end; column += 2, target++)
                    {
                        var second = column + 1 < columns ? dy[column + 1] * of.WeightScale[column + 1] * scale : 0;
                        *target = Pair(MathF.Round(dy[column] * of.WeightScale[column] * scale), MathF.Round(second));
                    }
                }

                FloatOperand.Transpose((float*)pairs, steps, count, steps, panels, width);
            }
        }
    }

    /// <summary>The columns of dy ∘ S, in pairs of rows, as the left side of a product.</summary>
    private readonly struct ShortColumns(Gradients gradients, Tensor inverse) : IPanelOperand
    {
        private readonly float* inverse = inverse.Floats();

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
        {
            var (columns, of) = (gradients.Columns, gradients);
            var scale = inverse;
            for (var row = 2 * step; row < Math.Min(of.Rows, 2 * (step + steps)); row += 2, panels += width)
            {
                // Where the last row has no partner, it is its own, and counts nothing.
                var isPair = row + 1 < of.Rows;
                float* first = of.Dy + ((long)row * columns), second = isPair ? first + columns : first;
                float ofFirst = of.StepOf(row), ofSecond = isPair ? of.StepOf(row + 1) : 0;
                var panel = panels;
                var column = line;

                FloatOperand.Prefetch(first + line, 8 * columns, lines);
                FloatOperand.Prefetch(first + line, 9 * columns, lines);

                // Two pairs too many, which the next step's cover.
                for (; column <= line + lines - Lanes.Count; column += width, panel += next)
                {
                    var each = Vector256.Load(scale + column);
                    var low = Lanes.Round(Vector256.Load(first + column) * ofFirst * each);
                    var high = Lanes.Round(Vector256.Load(second + column) * ofSecond * each);
                    ((low & Vector256.Create(0xFFFF)) | (high << 16)).AsSingle().Store(panel);
                }

                for (; column < line + lines; column += width, panel += next)
                {
                    for (var rest = column; rest < Math.Min(column + width, line + lines); rest++)
                    {
                        ((int*)panel)[rest - column] = Pair(
                            MathF.Round(first[rest] * ofFirst * scale[rest]), MathF.Round(second[rest] * ofSecond * scale[rest]));
                    }
                }
            }
        }
    }

    private static int Pair(float first, float second) => ((int)first & 0xFFFF) | ((int)second << 16);

    /// <summary>The columns of a matrix of levels, in pairs of rows, as the right side of a product.</summary>
    private readonly struct ShortLevels : IPanelOperand
    {
        private readonly sbyte* stored;
        private readonly int rows;
        private readonly long columns;
        private readonly short factor, offset;

        public ShortLevels(WeightLevels levels)
            : this(levels.Stored, levels.Span, levels.IsHalved ? (2, 1) : (1, 0))
        {
        }

        public ShortLevels(ActivationLevels levels)
            : this(levels.Stored, levels.Span, (1, levels.Offset))
        {
        }

        private ShortLevels(Tensor levels, LevelSpan? known, (int Factor, int Offset) map)
        {
            stored = levels.SignedBytes();
            (rows, columns) = ((int)levels.size(0), levels.size(1));
            (factor, offset) = ((short)map.Factor, (short)map.Offset);
            var span = known ?? LevelSpan.Of(levels);
            Most = Math.Max(1, Math.Max(Math.Abs((span.Low * factor) + offset), Math.Abs((span.High * factor) + offset)));
        }

        /// <summary>The largest that a level can be, at least 1.</summary>
        public int Most { get; }

        [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
        public void Pack(int line, int lines, int step, int steps, float* panels, long next, int width)
        {
            var (times, added) = (Vector256.Create(factor), Vector256.Create(offset));
            for (var row = 2 * step; row < Math.Min(rows, 2 * (step + steps)); row += 2, panels += width)
            {
                sbyte* first = stored + (row * columns), second = row + 1 < rows ? first + columns : first;
                var panel = panels;
                for (var column = line; column < line + lines; column += width, panel += next)
                {
                    Vector128<sbyte> above = Vector128.Load(first + column), below = Vector128.Load(second + column);
                    ((Avx2.ConvertToVector256Int16(Sse2.UnpackLow(above, below)) * times) + added).AsSingle().Store(panel);
                    ((Avx2.ConvertToVector256Int16(Sse2.UnpackHigh(above, below)) * times) + added).AsSingle().Store(panel + Lanes.Count);
                }
            }
        }
    }

    /// <summary><c>db ⊗ after</c>.</summary>
    private readonly struct OuterStart(float* bias, float* after) : IProductStart
    {
        public Vector256<float> At(int row, int column) => Vector256.Create(bias[row]) * Vector256.Load(after + column);
    }
}
