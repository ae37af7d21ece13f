using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// Activations x [n, in] as the integer levels <c>q = round(clip((x + before) / S, low, high))</c> in 8 bits, S of a row
/// the step of its position, row modulo the number of steps.
/// </summary>
/// <param name="Stored">int8 [n, in]: q − <paramref name="Offset"/>.</param>
/// <param name="Offset">128 for unsigned levels of 8 bits, which int8 cannot hold; else 0.</param>
public readonly record struct ActivationLevels(Tensor Stored, int Offset)
{
    /// <summary>int8 [n, in]: q − <see cref="Offset"/>; not to be changed in place.</summary>
    public Tensor Stored
    {
        get;
        init => (field, Span) = (value, null);
    } = Stored;

    /// <summary>What <see cref="Stored"/> can hold, where that is known.</summary>
    internal LevelSpan? Span { get; init; }

    /// <summary>The levels of x.</summary>
    /// <param name="x">[n, in], contiguous.</param>
    /// <param name="step">[N], N a divisor of n, or [1].</param>
    /// <param name="before">Added to x, [in], or null.</param>
    /// <param name="range">The levels.</param>
    /// <exception cref="ArithmeticException">x holds NaN, which has no level.</exception>
    public static ActivationLevels Of(Tensor x, Tensor step, Tensor? before, LevelRange range)
    {
        var offset = range.Offset;
        var stored = empty(x.shape, dtype: ScalarType.Int8, device: x.device);
        var levels = new ActivationLevels(stored, offset) { Span = range.Span };
        if (LsqKernels.Suit(range, x, step))
        {
            Kernel.Run(x, step, before, range, offset, stored);
            return levels;
        }

        using var scope = NewDisposeScope();
        var shifted = before is null ? x : x + before;
        if (shifted.isnan().any().item<bool>())
        {
            throw NotANumber();
        }

        var ratio = Positions(shifted, step) / Floor(step);
        stored.copy_((range.IsSign ? ratio.sign() : ratio.clamp(range.Low, range.High).round_()).sub_(offset).view(x.shape));
        return levels;
    }

    /// <summary><c>x̂ = S q + after</c>.</summary>
    /// <param name="step">The steps.</param>
    /// <param name="after">Added, [in], or null.</param>
    /// <returns>[n, in], in the type of the steps.</returns>
    public unsafe Tensor Dequantize(Tensor step, Tensor? after)
    {
        if (Stored.device_type == TorchSharp.DeviceType.CPU && step.dtype == ScalarType.Float32)
        {
            var values = empty(Stored.shape, dtype: ScalarType.Float32);
            var kernel = new RowsKernel<Row> { Rows = new(this, step, after), Columns = (int)Stored.size(1), Values = values.Floats() };
            ThreadTeam.Run(ref kernel, (int)Stored.size(0), Stored.numel());
            return values;
        }

        using var scope = NewDisposeScope();
        var scaled = (Positions(Stored.to(step.dtype) + Offset, step) * Floor(step)).view(Stored.shape);
        return scope.MoveToOuter(after is null ? scaled : scaled + after);
    }

    /// <summary><c>dŴ = dyᵀ x̂</c>.</summary>
    /// <param name="dy">[n, out].</param>
    /// <param name="step">The steps.</param>
    /// <param name="after">Added, [in], or null.</param>
    /// <returns>[out, in], in the type of the steps.</returns>
    public Tensor WeightGradient(Tensor dy, Tensor step, Tensor? after)
    {
        using var scope = NewDisposeScope();
        var rows = dy.t();
        return scope.MoveToOuter(
            MatrixProduct.Suits(rows, Stored.size(1)) && step.dtype == ScalarType.Float32
                ? MatrixProduct.Of(rows, new RowsOperand<Row>(new(this, step, after)), Stored.size(0), Stored.size(1))
                : rows.mm(Dequantize(step, after)));
    }

    /// <summary>Rows by their position: [n / N, N, in].</summary>
    internal static Tensor Positions(Tensor rows, Tensor step) => rows.view(rows.size(0) / step.numel(), step.numel(), rows.size(1));

    internal static Tensor Floor(Tensor step) => step.clamp_min(Lsq.LeastStep).view(1, step.numel(), 1);

    internal static ArithmeticException NotANumber() => new("The activations hold NaN, which no quantizer has a level for.");

    private unsafe struct Kernel : IRangeKernel
    {
        private int columns, steps, offset;
        private LevelRange range;
        private float* x;
        private float* step;
        private float* before;
        private sbyte* stored;
        private bool* isFaulty;

        public static void Run(Tensor x, Tensor step, Tensor? before, LevelRange range, int offset, Tensor stored)
        {
            var faulty = false;
            var kernel = new Kernel
            {
                columns = (int)x.size(1),
                steps = (int)step.numel(),
                offset = offset,
                range = range,
                x = x.Floats(),
                step = step.Floats(),
                before = before is null ? null : before.Floats(),
                stored = stored.SignedBytes(),
                isFaulty = &faulty,
            };
            ThreadTeam.Run(ref kernel, (int)x.size(0), x.numel());
            if (faulty)
            {
                throw NotANumber();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            // Copies: fields would be read again after every store.
            var (width, numbers, zero) = (columns, Vector256<float>.AllBitsSet, Vector256.Create((float)offset));
            var (low, high) = (Vector256.Create((float)range.Low), Vector256.Create((float)range.High));
            var shift = before;
            for (var row = first; row < end; row++)
            {
                var source = x + ((long)row * width);
                var target = stored + ((long)row * width);
                var s = LsqKernels.Usable(step[row % steps]);
                var (each, column) = (Vector256.Create(s), 0);
                for (; column <= width - Lanes.Count; column += Lanes.Count)
                {
                    var value = Vector256.Load(source + column);
                    if (shift != null)
                    {
                        value += Vector256.Load(shift + column);
                    }

                    var ratio = value / each;
                    numbers &= Vector256.Equals(ratio, ratio);
                    Lanes.Store(Vector256.Round(Vector256.MinNative(high, Vector256.MaxNative(low, ratio))) - zero, target + column);
                }

                for (; column < width; column++)
                {
                    var ratio = (source[column] + (shift == null ? 0 : shift[column])) / s;
                    if (float.IsNaN(ratio))
                    {
                        *isFaulty = true;
                    }

                    target[column] = (sbyte)(MathF.Round(Math.Clamp(ratio, range.Low, range.High)) - offset);
                }
            }

            if (!Vector256.EqualsAll(numbers.AsInt32(), Vector256<int>.AllBitsSet))
            {
                *isFaulty = true;
            }
        }
    }

    /// <summary>x̂, row by row.</summary>
    private readonly unsafe struct Row(ActivationLevels levels, Tensor step, Tensor? after) : IFloatRows
    {
        private readonly int steps = (int)step.numel();
        private readonly float offset = levels.Offset;
        private readonly sbyte* stored = levels.Stored.SignedBytes();
        private readonly float* step = step.Floats(), after = after is null ? null : after.Floats();
        private readonly long columns = levels.Stored.size(1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> At(int row, int column)
        {
            var value = (Lanes.Load(stored + (row * columns) + column) + Vector256.Create(offset)) * StepOf(row);
            return after == null ? value : value + Vector256.Load(after + column);
        }

        public float One(int row, int column) => ((stored[(row * columns) + column] + offset) * StepOf(row)) + (after == null ? 0 : after[column]);

        private float StepOf(int row) => LsqKernels.Usable(step[row % steps]);
    }
}
