using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Marrow.Kernels.Reductions;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;

namespace Marrow.Kernels.Normalization;

/// <summary>
/// <c>y = r x (c + w)</c> with <c>r = 1 / sqrt(mean x² + eps)</c> and the center c of w, 0 or 1.
/// </summary>
internal unsafe struct RmsNormForwardKernel : IRangeKernel
{
    public int Columns;
    public double Eps;
    public float Center;
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
            var (each, center) = (Vector256.Create(root), Vector256.Create(Center));
            for (column = 0; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                (Vector256.Load(x + column) * each * (Vector256.Load(w + column) + center)).Store(y + column);
            }

            for (; column < columns; column++)
            {
                y[column] = x[column] * root * (w[column] + Center);
            }
        }
    }
}

/// <summary>
/// <c>dx = r v dy − x r³ mean(v dy x)</c> with <c>v = c + w</c>, <c>dw = Σ r x dy</c>.
/// </summary>
internal unsafe struct RmsNormBackwardKernel : IRangeKernel
{
    public int Columns;
    public float Center;
    public float* X, Weight, Roots, Dy, Dx;
    public PartialSums Sums;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int first, int end, int part)
    {
        var (columns, center) = (Columns, Vector256.Create(Center));
        float* w = Weight, sums = Sums.Begin(part);
        for (var row = first; row < end; row++)
        {
            float* x = X + ((long)row * columns), dy = Dy + ((long)row * columns), dx = Dx + ((long)row * columns);
            var (along, rest, column) = (Vector256<float>.Zero, 0f, 0);
            for (; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                along = Vector256.FusedMultiplyAdd(
                    (Vector256.Load(w + column) + center) * Vector256.Load(dy + column),
                    Vector256.Load(x + column),
                    along);
            }

            for (; column < columns; column++)
            {
                rest += (w[column] + Center) * dy[column] * x[column];
            }

            var root = Roots[row];
            var back = (Vector256.Sum(along) + rest) / columns * root * root * root;
            var (each, less) = (Vector256.Create(root), Vector256.Create(back));
            for (column = 0; column <= columns - Lanes.Count; column += Lanes.Count)
            {
                var (value, gradient) = (Vector256.Load(x + column), Vector256.Load(dy + column) * each);
                ((gradient * (Vector256.Load(w + column) + center)) - (value * less)).Store(dx + column);
                if (sums != null)
                {
                    Vector256.FusedMultiplyAdd(gradient, value, Vector256.Load(sums + column)).Store(sums + column);
                }
            }

            for (; column < columns; column++)
            {
                dx[column] = (root * (w[column] + Center) * dy[column]) - (x[column] * back);
                if (sums != null)
                {
                    sums[column] += root * dy[column] * x[column];
                }
            }
        }
    }
}
