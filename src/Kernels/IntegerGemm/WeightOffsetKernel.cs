using System.Runtime.Intrinsics;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;
using static TorchSharp.torch;

namespace Marrow.Kernels.IntegerGemm;

/// <summary>
/// The constant term of each output of an integer product: <c>c_o = bias_o + ws_o Σ_k after_k p[o,k]</c>.
/// </summary>
internal unsafe struct WeightOffsetKernel : IRangeKernel
{
    public int Inner;
    public bool IsHalved;
    public sbyte* Levels;
    public float* WeightScale;
    public float* After;
    public float* Bias;
    public float* Offsets;

    /// <summary>c, float32 [out].</summary>
    public static Tensor Run(Tensor codes, Tensor scale, bool isHalved, Tensor? after, Tensor? bias)
    {
        var outputs = codes.size(0);
        var offsets = empty(outputs, dtype: ScalarType.Float32);
        var kernel = new WeightOffsetKernel
        {
            Inner = (int)codes.size(1),
            IsHalved = isHalved,
            Levels = codes.SignedBytes(),
            WeightScale = scale.Floats(),
            After = after is null ? null : after.Floats(),
            Bias = bias is null ? null : bias.Floats(),
            Offsets = offsets.Floats(),
        };
        ThreadTeam.Run(ref kernel, (int)outputs, after is null ? outputs : codes.numel());
        return offsets;
    }

    public readonly void Run(int first, int end, int part)
    {
        for (var row = first; row < end; row++)
        {
            var sum = 0f;
            if (After != null)
            {
                var levels = Levels + ((long)row * Inner);
                var (lanes, column) = (Vector256<float>.Zero, 0);
                for (; column <= Inner - Lanes.Count; column += Lanes.Count)
                {
                    var p = Lanes.Load(levels + column);
                    lanes += Vector256.Load(After + column) * (IsHalved ? p + p + Vector256<float>.One : p);
                }

                sum = Vector256.Sum(lanes);
                for (; column < Inner; column++)
                {
                    sum += After[column] * (IsHalved ? (2 * levels[column]) + 1 : levels[column]);
                }
            }

            Offsets[row] = (WeightScale[row] * sum) + (Bias == null ? 0 : Bias[row]);
        }
    }
}
