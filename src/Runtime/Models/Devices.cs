using Marrow.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Devices by name, as command lines and settings have them.</summary>
public static class Devices
{
    /// <summary>The environment variable that says what <c>auto</c> means.</summary>
    public const string Variable = "MARROW_DEVICE";

    /// <summary>
    /// The device of a name: <c>cpu</c>, <c>cuda</c>, <c>cuda:1</c>, or <c>auto</c>, which is what
    /// <see cref="Variable"/> says, else the first CUDA device if there is one, else the CPU.
    /// </summary>
    /// <exception cref="ArgumentException">The name is none of these, or there is no such device.</exception>
    public static Device Of(string name)
    {
        if (name == "auto")
        {
            return Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } wanted && wanted != "auto"
                ? Of(wanted)
                : cuda.is_available() ? CUDA : CPU;
        }

        if (name == "cpu")
        {
            return CPU;
        }

        var index = name == "cuda" ? 0
            : name.StartsWith("cuda:", StringComparison.Ordinal) && byte.TryParse(name.AsSpan(5), out var own) ? own
            : throw new ArgumentException(
                $"The device is '{name}'; it is cpu, cuda, cuda:1 and so on, or auto.", nameof(name));
        return !cuda.is_available()
            ? throw new ArgumentException(
                $"The device is '{name}', and no CUDA device can be used; build with -p:Torch=cuda, or set "
                + "MARROW_LIBTORCH to a PyTorch with CUDA, on a machine that has one; or name cpu.",
                nameof(name))
            : index < cuda.device_count() ? new Device(DeviceType.CUDA, index)
            : throw new ArgumentException(
                $"The device is '{name}', and there are {cuda.device_count()} CUDA devices.", nameof(name));
    }

    /// <summary>What a CUDA device's driver says of it; null for another device, and where the driver says
    /// nothing.</summary>
    public static DeviceStatus? Status(Device device) =>
        device.type == DeviceType.CUDA ? CudaKernels.DriverOf(device.index)?.Status() : null;

    /// <summary>
    /// A batch's tensor on a device: itself on the CPU; else a copy by way of pinned memory, which the CPU does not
    /// wait for, in place of the tensor, which is disposed.
    /// </summary>
    internal static Tensor Send(this Tensor value, Device device)
    {
        if (device.type == DeviceType.CPU)
        {
            return value;
        }

        using (value)
        {
            if (device.type != DeviceType.CUDA)
            {
                return value.to(device);
            }

            // The allocator of pinned memory does not hand a block out again before the copies from it are over.
            using var pinned = value.pin_memory();
            return pinned.to(device, non_blocking: true);
        }
    }

    /// <summary><see cref="Send"/> to the device of another tensor, and in its type.</summary>
    internal static Tensor SendLike(this Tensor value, Tensor like)
    {
        var sent = value.Send(like.device);
        if (sent.dtype == like.dtype)
        {
            return sent;
        }

        using (sent)
        {
            return sent.to(like.dtype);
        }
    }
}
