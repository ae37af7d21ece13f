using System.Numerics;
using Marrow.Autograd;
using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Recurrence;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Recurrence;

/// <summary>
/// <see cref="Wkv6"/> with its own backward. The result is [batch, tokens + size, width]: y, and behind it the last
/// state, whose row i is S[i, :] of all heads. With G_t the gradient of S_t:
/// <code>
/// dr_t = S_t dy_t + (u ∘ k_t)(v_t · dy_t)          dv_t = (r_t · (u ∘ k_t)) dy_t + G_{t+1}ᵀ k_t
/// dk_t = (r_t ∘ u)(v_t · dy_t) + G_{t+1} v_t        du   = Σ_t (r_t ∘ k_t)(v_t · dy_t)
/// dd_t = rowsum(G_{t+1} ∘ S_t)                      G_t  = diag(d_t) G_{t+1} + r_t dy_tᵀ
/// </code>
/// </summary>
/// <param name="heads">Number of heads.</param>
/// <param name="size">Their size, a multiple of <see cref="Lanes"/>.</param>
internal sealed unsafe class Wkv6Operation(long heads, long size) : Operation
{
    /// <summary>What a head's size is a multiple of.</summary>
    private const int Lanes = 16;

    /// <inheritdoc/>
    public override string Name => "WKV6";

    /// <summary>Whether there is a kernel for tensors like r and heads of this size.</summary>
    public static bool Supports(Tensor r, long size) => size % Lanes == 0
        && (CudaWkv6.For(r, size) is not null
            || (r.device_type == TorchSharp.DeviceType.CPU && r.dtype is ScalarType.Float32 or ScalarType.Float64));

    /// <inheritdoc/>
    public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
    {
        var (r, state) = (inputs[0]!, inputs[5]);
        var shape = Shape(r);
        var both = empty([shape.Batch, shape.Tokens + size, r.size(2)], dtype: r.dtype, device: r.device);
        var checkpoints = empty([shape.Tasks, shape.Segments, size, size], dtype: r.dtype, device: r.device);
        saved.Keep([.. inputs.Take(5), checkpoints, state is null ? null : zeros(0, device: r.device)]);
        if (CudaWkv6.For(r, size) is { } kernels)
        {
            CudaWkv6.Forward(kernels, shape, inputs, both, checkpoints);
        }
        else if (r.dtype == ScalarType.Float32)
        {
            Run<float>();
        }
        else
        {
            Run<double>();
        }

        return both;

        void Run<T>()
            where T : unmanaged, INumber<T>
        {
            var kernel = new Wkv6Forward<T>
            {
                Shape = shape,
                R = Data<T>(r),
                K = Data<T>(inputs[1]!),
                V = Data<T>(inputs[2]!),
                Decay = Data<T>(inputs[3]!),
                Bonus = Data<T>(inputs[4]!),
                First = state is null ? null : Data<T>(state),
                Both = Data<T>(both),
                Checkpoints = Data<T>(checkpoints),
            };
            ThreadTeam.Run(ref kernel, shape.Tasks, shape.Work);
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
    {
        var r = saved[0];
        var shape = Shape(r);
        var gradients = Enumerable.Range(0, 4).Select(_ => empty_like(r)).ToArray();
        var bonus = empty([shape.Batch, heads, size], dtype: r.dtype, device: r.device);
        var first = saved.Optional(6) is null
            ? null
            : empty([shape.Batch, heads, size, size], dtype: r.dtype, device: r.device);
        if (CudaWkv6.For(r, size) is { } kernels)
        {
            CudaWkv6.Backward(
                kernels, shape, [.. Enumerable.Range(0, 6).Select(i => saved[i])], dy, gradients, bonus, first);
        }
        else if (r.dtype == ScalarType.Float32)
        {
            Run<float>();
        }
        else
        {
            Run<double>();
        }

        return [.. gradients, bonus.sum([0]), first];

        void Run<T>()
            where T : unmanaged, INumber<T>
        {
            var kernel = new Wkv6Backward<T>
            {
                Shape = shape,
                R = Data<T>(r),
                K = Data<T>(saved[1]),
                V = Data<T>(saved[2]),
                Decay = Data<T>(saved[3]),
                Bonus = Data<T>(saved[4]),
                Checkpoints = Data<T>(saved[5]),
                Dy = Data<T>(dy),
                Dr = Data<T>(gradients[0]),
                Dk = Data<T>(gradients[1]),
                Dv = Data<T>(gradients[2]),
                Ddecay = Data<T>(gradients[3]),
                Dbonus = Data<T>(bonus),
                Dfirst = first is null ? null : Data<T>(first),
            };
            ThreadTeam.Run(ref kernel, shape.Tasks, shape.Work);
        }
    }

    private Wkv6Shape Shape(Tensor r) => new((int)r.size(0), (int)r.size(1), (int)heads, (int)size);

    private static T* Data<T>(Tensor tensor)
        where T : unmanaged => typeof(T) == typeof(float) ? (T*)tensor.Floats() : (T*)tensor.Doubles();
}
