using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Marrow.Kernels.Memory;

/// <summary>
/// Pointers to the data of contiguous CPU tensors. Callers keep the tensor alive while a kernel runs.
/// </summary>
internal static unsafe partial class TensorMemory
{
    /// <summary>Whether tensors are float32 and on the CPU.</summary>
    public static bool AreFloats(params ReadOnlySpan<Tensor> tensors)
    {
        foreach (var tensor in tensors)
        {
            if (tensor.dtype != ScalarType.Float32 || tensor.device_type != TorchSharp.DeviceType.CPU)
            {
                return false;
            }
        }

        return true;
    }

    public static float* Floats(this Tensor tensor) => (float*)Pointer(tensor, ScalarType.Float32);

    public static double* Doubles(this Tensor tensor) => (double*)Pointer(tensor, ScalarType.Float64);

    public static sbyte* SignedBytes(this Tensor tensor) => (sbyte*)Pointer(tensor, ScalarType.Int8);

    public static int* Integers(this Tensor tensor) => (int*)Pointer(tensor, ScalarType.Int32);

    public static ushort* Bfloat16(this Tensor tensor) => (ushort*)Pointer(tensor, ScalarType.BFloat16);

    /// <summary>bool, a byte each.</summary>
    public static sbyte* Booleans(this Tensor tensor) => (sbyte*)Pointer(tensor, ScalarType.Bool);

    /// <summary>The address of a contiguous tensor's data on its device, whatever its type is.</summary>
    public static void* Address(this Tensor tensor) => tensor.is_contiguous()
        ? THSTensor_data(tensor.Handle)
        : throw new ArgumentException("A kernel needs a contiguous tensor.", nameof(tensor));

    /// <summary>The address of a view's first entry on its device; the view's strides say where others are.</summary>
    public static void* FirstEntry(this Tensor tensor) => THSTensor_data(tensor.Handle);

    private static void* Pointer(Tensor tensor, ScalarType type)
    {
        if (tensor.dtype != type || tensor.device_type != TorchSharp.DeviceType.CPU || !tensor.is_contiguous())
        {
            throw new ArgumentException(
                $"A kernel needs a contiguous {type} tensor on the CPU, not {tensor.dtype} on {tensor.device_type}.",
                nameof(tensor));
        }

        return THSTensor_data(tensor.Handle);
    }

    // TorchSharp's own entry point: its public accessors copy, or are limited to 2 GB.
    [LibraryImport("LibTorchSharp")]
    private static partial void* THSTensor_data(nint handle);
}
