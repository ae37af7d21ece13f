using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>
/// What compiles kernel texts and runs their functions: a device's driver; in tests an emulator, for tensors of the
/// CPU.
/// </summary>
internal unsafe interface ICudaDriver
{
    /// <summary>Compiles a text and loads it.</summary>
    /// <exception cref="CudaException">It cannot.</exception>
    nint Load(KernelText text);

    /// <summary>A function of a loaded text.</summary>
    /// <exception cref="CudaException">There is none of this name.</exception>
    nint Function(nint module, string name);

    /// <summary>The device's name and memory.</summary>
    DeviceStatus Status();

    /// <summary>Puts a function on the device's current stream.</summary>
    /// <param name="function">From <see cref="Function"/>.</param>
    /// <param name="blocks">Blocks of the grid.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="arguments">Where each argument lies.</param>
    /// <exception cref="CudaException">It cannot be launched.</exception>
    void Launch(nint function, uint blocks, uint threads, void** arguments);

    /// <summary><c>a b</c> of bfloat16, summed in float32, and so returned.</summary>
    /// <param name="a">[n, k], or [batch, n, k].</param>
    /// <param name="b">[k, m], or [batch, k, m].</param>
    Tensor Multiply(Tensor a, Tensor b);
}
