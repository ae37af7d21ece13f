using Marrow.Kernels.Recurrence;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>WKV6 by CUDA kernels, in float32: the text <c>wkv6.cu</c>.</summary>
internal static class CudaWkv6
{
    /// <summary>The largest head: a column of its state lies in the registers of a thread.</summary>
    public const int LargestSize = 64;

    /// <summary>Threads for each key channel in the backward, OWNERS of the text.</summary>
    private const int Owners = 4;

    /// <summary>The kernels for tensors like r; null if they do not apply.</summary>
    /// <param name="r">[batch, tokens, heads · size].</param>
    /// <param name="size">Of a head, a multiple of 16.</param>
    public static CudaModule? For(Tensor r, long size) =>
        CudaKernels.DriverOf(r) is { } driver && r.dtype == ScalarType.Float32 && size <= LargestSize
            ? CudaKernels.Load(driver, Text(size))
            : null;

    public static KernelText Text(long size) => new("wkv6", $"SIZE={size} SEGMENT={Wkv6Shape.SegmentTokens}");

    /// <summary>y and the last state, and the states that the backward starts segments from.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="inputs">r, k, v, decay, bonus, and the first state or null; contiguous.</param>
    /// <param name="both">[batch, tokens + size, heads · size].</param>
    /// <param name="checkpoints">[batch · heads, segments, size, size].</param>
    public static void Forward(
        CudaModule kernels, Wkv6Shape shape, IReadOnlyList<Tensor?> inputs, Tensor both, Tensor checkpoints)
    {
        if (inputs.FirstOrDefault(input => input is not null && input.dtype != ScalarType.Float32) is { } other)
        {
            throw new ArgumentException($"WKV6 takes tensors of one type; r is Float32, another {other.dtype}.");
        }

        kernels.Launch(
            "wkv6_forward", shape.Tasks, shape.Size, inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5],
            both, checkpoints, (long)shape.Tokens, shape.Heads);
    }

    /// <summary>The gradients.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="saved">r, k, v, decay, bonus and checkpoints.</param>
    /// <param name="dboth">Of both results, contiguous.</param>
    /// <param name="gradients">Take those of r, k, v and decay.</param>
    /// <param name="bonus">[batch, heads, size], takes that of the bonus for each sequence.</param>
    /// <param name="first">Takes that of the first state; null where none is wanted.</param>
    public static void Backward(
        CudaModule kernels, Wkv6Shape shape, IReadOnlyList<Tensor> saved, Tensor dboth,
        IReadOnlyList<Tensor> gradients, Tensor bonus, Tensor? first)
    {
        var (r, k, v, decay, u, checkpoints) = (saved[0], saved[1], saved[2], saved[3], saved[4], saved[5]);
        kernels.Launch(
            "wkv6_backward_values", shape.Tasks, shape.Size, r, k, decay, u, dboth, gradients[2], first,
            (long)shape.Tokens, shape.Heads);
        kernels.Launch(
            "wkv6_backward_keys", shape.Tasks, shape.Size * Owners, r, k, v, decay, u, checkpoints, dboth,
            gradients[0], gradients[1], gradients[3], bonus, (long)shape.Tokens, shape.Heads);
    }
}
