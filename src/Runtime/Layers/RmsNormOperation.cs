using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>
/// <see cref="RmsNorm"/> of float32 on the CPU in one pass each way, where torch's operations make sixteen:
/// <c>y = r x w</c> with <c>r = 1 / sqrt(mean x² + eps)</c>; <c>dx = r w dy − x r³ mean(w dy x)</c>, <c>dw = Σ r x dy</c>.
/// </summary>
internal sealed unsafe class RmsNormOperation(double eps, bool learns) : Operation
{
    public override string Name => "an RMSNorm";

    public static bool Suits(Tensor x, Tensor weight) =>
        TensorMemory.AreFloats(x, weight) && x.dim() > 0 && x.size(-1) == weight.size(0);

    public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
    {
        var (x, weight) = (inputs[0]!.contiguous(), inputs[1]!);
        var (y, roots) = (empty_like(x), empty(x.numel() / weight.numel(), dtype: ScalarType.Float32));
        saved.Keep(x, weight, roots);
        var kernel = new ForwardKernel
        {
            Columns = (int)weight.numel(),
            Eps = eps,
            X = x.Floats(),
            Weight = weight.Floats(),
            Y = y.Floats(),
            Roots = roots.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)roots.numel(), x.numel());
        return y;
    }

    public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
    {
        var (x, weight, roots) = (saved[0], saved[1], saved[2]);
        var dx = empty_like(x);
        using var sums = learns ? new PartialSums(ThreadTeam.Parts((int)roots.numel(), x.numel()), weight.numel()) : default;
        var kernel = new BackwardKernel
        {
            Columns = (int)weight.numel(),
            X = x.Floats(),
            Weight = weight.Floats(),
            Roots = roots.Floats(),
            Dy = dy.Floats(),
            Dx = dx.Floats(),
            Sums = sums,
        };
        ThreadTeam.Run(ref kernel, (int)roots.numel(), x.numel());
        return [dx, learns ? sums.Total() : null];
    }

    private struct ForwardKernel : IRangeKernel
    {
        public int Columns;
        public double Eps;
        public float* X, Weight, Y, Roots;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            var columns = Columns;
            var w = Weight;
            for (var row = first; row < end; row++)
            {
                float* x = X + ((long)row * columns), y = Y + ((long)row * columns);
                var (squares, sum, column) = (Vector256<float>.Zero, 0f, 0);
                for (; column <= columns - Lanes.Count; column += Lanes.Count)
                {
                    var value = Vector256.Load(x + column);
                    squares = Vector256.FusedMultiplyAdd(value, value, squares);
                }

                for (; column < columns; column++)
                {
                    sum += x[column] * x[column];
                }

                var root = (float)(1 / Math.Sqrt(((Vector256.Sum(squares) + sum) / columns) + Eps));
                Roots[row] = root;
                var each = Vector256.Create(root);
                for (column = 0; column <= columns - Lanes.Count; column += Lanes.Count)
                {
                    (Vector256.Load(x + column) * each * Vector256.Load(w + column)).Store(y + column);
                }

                for (; column < columns; column++)
                {
                    y[column] = x[column] * root * w[column];
                }
            }
        }
    }

    private struct BackwardKernel : IRangeKernel
    {
        public int Columns;
        public float* X, Weight, Roots, Dy, Dx;
        public PartialSums Sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int first, int end, int part)
        {
            var columns = Columns;
            float* w = Weight, sums = Sums.Begin(part);
            for (var row = first; row < end; row++)
            {
                float* x = X + ((long)row * columns), dy = Dy + ((long)row * columns), dx = Dx + ((long)row * columns);
                var (along, rest, column) = (Vector256<float>.Zero, 0f, 0);
                for (; column <= columns - Lanes.Count; column += Lanes.Count)
                {
                    along = Vector256.FusedMultiplyAdd(Vector256.Load(w + column) * Vector256.Load(dy + column), Vector256.Load(x + column), along);
                }

                for (; column < columns; column++)
                {
                    rest += w[column] * dy[column] * x[column];
                }

                var root = Roots[row];
                var back = (Vector256.Sum(along) + rest) / columns * root * root * root;
                var (each, less) = (Vector256.Create(root), Vector256.Create(back));
                for (column = 0; column <= columns - Lanes.Count; column += Lanes.Count)
                {
                    var (value, gradient) = (Vector256.Load(x + column), Vector256.Load(dy + column) * each);
                    ((gradient * Vector256.Load(w + column)) - (value * less)).Store(dx + column);
                    if (sums != null)
                    {
                        Vector256.FusedMultiplyAdd(gradient, value, Vector256.Load(sums + column)).Store(sums + column);
                    }
                }

                for (; column < columns; column++)
                {
                    dx[column] = (root * w[column] * dy[column]) - (x[column] * back);
                    if (sums != null)
                    {
                        sums[column] += root * dy[column] * x[column];
                    }
                }
            }
        }
    }
}
