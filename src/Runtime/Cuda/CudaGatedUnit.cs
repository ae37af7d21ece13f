using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Gated units by CUDA kernels: the text <c>gated.cu</c>.</summary>
internal static class CudaGatedUnit
{
    private const long Threads = 256, Entries = 8;

    /// <summary>The kernels for two tensors of one shape and type; null if they do not apply.</summary>
    /// <param name="gate">What an activation is applied to.</param>
    /// <param name="up">What it gates.</param>
    /// <param name="tanh">Whether GELU by tanh is the activation, in the place of SiLU.</param>
    public static CudaModule? For(Tensor gate, Tensor up, bool tanh) =>
        CudaKernels.DriverOf(gate) is { } driver && CudaEntry.Of(gate) is { } entry && up.dtype == gate.dtype
            ? CudaKernels.Load(driver, Text(entry, tanh))
            : null;

    public static KernelText Text(string entry, bool tanh) => new("gated", $"ENTRY={entry} GATE={(tanh ? 1 : 0)}");

    /// <summary>y [rows, columns].</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="gate">[rows, columns], each row contiguous.</param>
    /// <param name="up">Likewise.</param>
    public static Tensor Forward(CudaModule kernels, Tensor gate, Tensor up)
    {
        var y = empty(gate.shape, dtype: gate.dtype, device: gate.device);
        kernels.Launch(
            "gated_forward", Blocks(gate), (int)Threads, CudaArgument.View(gate), CudaArgument.View(up), y,
            gate.size(0), gate.size(1), gate.stride(0), up.stride(0));
        return y;
    }

    /// <summary>The gradients of gate and up, [rows, columns].</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="dy">Gradient of y, contiguous.</param>
    /// <param name="gate">As in the forward.</param>
    /// <param name="up">As in the forward.</param>
    public static (Tensor Gate, Tensor Up) Backward(CudaModule kernels, Tensor dy, Tensor gate, Tensor up)
    {
        var (ofGate, ofUp) = (empty_like(dy), empty_like(dy));
        kernels.Launch(
            "gated_backward", Blocks(gate), (int)Threads, dy, CudaArgument.View(gate), CudaArgument.View(up), ofGate,
            ofUp, gate.size(0), gate.size(1), gate.stride(0), up.stride(0));
        return (ofGate, ofUp);
    }

    private static long Blocks(Tensor gate) =>
        ((gate.size(0) * ((gate.size(1) + Entries - 1) / Entries)) + Threads - 1) / Threads;
}
