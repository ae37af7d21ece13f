using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// An exception must not leave a backward: it would end the process, and so would one of libtorch's under
/// <c>autograd.grad</c>, which TorchSharp does not guard. On the CPU the backward returns zeros and leaves the message
/// where TorchSharp looks for native errors when the pass is over, so that <c>backward()</c> or <c>grad()</c> throws
/// it. Elsewhere the pass runs on threads of libtorch's own, whose errors TorchSharp does not see; there gradients of
/// an impossible shape and type make libtorch fail, which <c>backward()</c> can throw.
/// </summary>
internal static partial class BackwardFault
{
    /// <summary>
    /// The message that an earlier backward of this pass left, or null. Any native call forgets it, so a backward asks
    /// first and puts it back last.
    /// </summary>
    public static string? Take() => Marshal.PtrToStringUTF8(THSTorch_get_and_reset_last_err());

    /// <summary>Leaves a message for the end of the pass; null: none.</summary>
    public static void Leave(string? message)
    {
        if (message is not null)
        {
            // Native errors cannot be set, but a file that is not there is one, and its text has the file's name.
            THSJIT_load(message, (long)DeviceType.CPU, -1);
        }
    }

    /// <summary>The message of a fault, and gradients in place of those that there are not.</summary>
    /// <param name="what">Whose backward it was.</param>
    /// <param name="fault">What was thrown.</param>
    /// <param name="shapes">The shape of each gradient; null where there is none.</param>
    /// <param name="like">A tensor of the same device and type.</param>
    public static (string? Message, List<Tensor> Gradients) Report(
        string what, Exception fault, IEnumerable<long[]?> shapes, Tensor like)
    {
        // Only the first line of libtorch's messages is for people, the rest are its stack frames.
        var message =
            $"Marrow: the backward of {what} failed. {fault.GetType().Name}: {fault.Message.Split('\n')[0]}";
        var isOnCpu = like.device_type == DeviceType.CPU;
        if (!isOnCpu)
        {
            Console.Error.WriteLine($"{message}\n{fault.StackTrace}");
        }

        var gradients = shapes.Select(shape => shape is null ? null! : ReturnedGradients.Hand(isOnCpu
            ? zeros(shape, dtype: like.dtype)
            : zeros(0, 0, dtype: ScalarType.ComplexFloat32, device: like.device)));
        return (isOnCpu ? message : null, gradients.ToList());
    }

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTorch_get_and_reset_last_err();

    [LibraryImport("LibTorchSharp", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint THSJIT_load(string file, long device, long index);
}
