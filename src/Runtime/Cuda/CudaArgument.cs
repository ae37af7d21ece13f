using Marrow.Kernels.Memory;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>An argument of a kernel, as the eight bytes of which it reads as many as its type has.</summary>
/// <param name="Bits">The bytes, the lowest first.</param>
/// <param name="Device">Where a tensor's data lie; null for numbers.</param>
internal readonly record struct CudaArgument(ulong Bits, (DeviceType Type, int Index)? Device = null)
{
    /// <summary>The address of a contiguous tensor's data; null for none.</summary>
    public static unsafe implicit operator CudaArgument(Tensor? tensor) => tensor is null
        ? new(0)
        : new((ulong)tensor.Address(), (tensor.device_type, tensor.device_index));

    /// <summary>The address of a view's first entry, for a kernel that is told its strides.</summary>
    public static unsafe CudaArgument View(Tensor tensor) =>
        new((ulong)tensor.FirstEntry(), (tensor.device_type, tensor.device_index));

    public static implicit operator CudaArgument(long value) => new((ulong)value);

    public static implicit operator CudaArgument(int value) => new((uint)value);

    public static implicit operator CudaArgument(float value) => new(BitConverter.SingleToUInt32Bits(value));
}
