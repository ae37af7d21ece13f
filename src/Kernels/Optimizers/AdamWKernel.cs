using System.Runtime.Intrinsics;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;

namespace Marrow.Kernels.Optimizers;

/// <summary>One step of AdamW over contiguous float32, leaving frozen entries as they are.</summary>
internal unsafe struct AdamWKernel : IRangeKernel
{
    public float* Weight, Gradient, Mean, Square;
    public sbyte* Frozen;
    public float Kept, Size, Root, Beta1, Beta2, Eps;

    public readonly void Run(int first, int end, int part)
    {
        var index = first;
        for (; index <= end - Lanes.Count; index += Lanes.Count)
        {
            var (weight, gradient) = (Vector256.Load(Weight + index), Vector256.Load(Gradient + index));
            var mean = (Vector256.Load(Mean + index) * Beta1) + (gradient * (1 - Beta1));
            var square = (Vector256.Load(Square + index) * Beta2) + (gradient * gradient * (1 - Beta2));
            mean.Store(Mean + index);
            square.Store(Square + index);
            var moved = (weight * Kept) - (mean * Size / ((Vector256.Sqrt(square) / Root) + Vector256.Create(Eps)));
            if (Frozen != null)
            {
                moved = Vector256.ConditionalSelect(
                    Vector256.Equals(Lanes.Load(Frozen + index), Vector256<float>.Zero), moved, weight);
            }

            moved.Store(Weight + index);
        }

        for (; index < end; index++)
        {
            var gradient = Gradient[index];
            Mean[index] = (Mean[index] * Beta1) + (gradient * (1 - Beta1));
            Square[index] = (Square[index] * Beta2) + (gradient * gradient * (1 - Beta2));
            if (Frozen == null || Frozen[index] == 0)
            {
                Weight[index] = (Weight[index] * Kept)
                    - (Mean[index] * Size / ((MathF.Sqrt(Square[index]) / Root) + Eps));
            }
        }
    }
}
