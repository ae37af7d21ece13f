using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Marrow.Native;

/// <summary>
/// Operators of libtorch that TorchSharp does not show, by the C interface of its dispatcher. Outside autograd.
/// </summary>
internal static unsafe class TorchOperators
{
    private const int MostArguments = 8;

    private static readonly Lazy<(nint Call, nint Copy)> Dispatcher = new(() =>
    {
        var location = LibTorchLocation.Find();
        var path = Path.Combine(location.Directory, LibTorchLocation.FileName("torch_cpu"));
        return NativeLibrary.TryLoad(path, out var library)
            && NativeLibrary.TryGetExport(library, "aoti_torch_call_dispatcher", out var call)
            && NativeLibrary.TryGetExport(library, "aoti_torch_new_tensor_handle", out var copy)
            ? (call, copy)
            : throw new NativeLoadException(
                $"could not use {path}", "it has no aoti_torch_call_dispatcher", location.Remedy);
    });

    /// <summary>Calls an operator that returns one tensor.</summary>
    /// <param name="name">As <c>aten::mm</c>.</param>
    /// <param name="overload">As <c>dtype</c>, or empty.</param>
    /// <param name="arguments">As many as its schema has.</param>
    /// <exception cref="InvalidOperationException">
    /// libtorch refuses; it has written why on standard error, because its C interface does not hand messages on.
    /// </exception>
    public static Tensor Call(string name, string overload, params ReadOnlySpan<OperatorArgument> arguments)
    {
        var (call, copy) = Dispatcher.Value;
        var stack = stackalloc ulong[MostArguments];
        for (var i = 0; i < arguments.Length; i++)
        {
            stack[i] = arguments[i].Bits;
            if (arguments[i].Tensor is { } tensor)
            {
                // The call takes over the tensors that it is given.
                ((delegate* unmanaged<nint, ulong*, int>)copy)(tensor.Handle, stack + i);
            }
        }

        var names = (Marshal.StringToCoTaskMemUTF8(name), Marshal.StringToCoTaskMemUTF8(overload));
        var code = ((delegate* unmanaged<nint, nint, ulong*, int>)call)(names.Item1, names.Item2, stack);
        Marshal.FreeCoTaskMem(names.Item1);
        Marshal.FreeCoTaskMem(names.Item2);
        return code == 0
            ? Tensor.UnsafeCreateTensor((nint)stack[0])
            : throw new InvalidOperationException(
                $"libtorch refuses {name}({string.Join(", ", arguments.ToArray())}); what it says is on standard "
                + "error.");
    }
}

/// <summary>An argument of an operator.</summary>
/// <param name="Bits">A number; for tensors nothing.</param>
/// <param name="Tensor">A tensor, or null for numbers.</param>
internal readonly record struct OperatorArgument(ulong Bits, Tensor? Tensor = null)
{
    public static implicit operator OperatorArgument(Tensor tensor) => new(0, tensor);

    public static implicit operator OperatorArgument(ScalarType type) => new((ulong)(int)type);

    public override string ToString() => Tensor is { } tensor
        ? $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]" : $"{Bits}";
}
