using System.Collections.Concurrent;
using TorchSharp;

namespace Marrow.Cuda;

/// <summary>A kernel text, loaded.</summary>
/// <param name="driver">Whose it is.</param>
/// <param name="text">The text.</param>
/// <exception cref="CudaException">It cannot be compiled or loaded.</exception>
internal sealed unsafe class CudaModule(ICudaDriver driver, KernelText text)
{
    private const int WarpThreads = 32, WarpsOfBlock = 8;

    private readonly nint module = driver.Load(text);
    private readonly ConcurrentDictionary<string, nint> functions = new();

    /// <summary>Launches a function whose warps take an item each; nothing if there are no items.</summary>
    public void LaunchWarps(string function, long items, params ReadOnlySpan<CudaArgument> arguments) =>
        Launch(function, (items + WarpsOfBlock - 1) / WarpsOfBlock, WarpThreads * WarpsOfBlock, arguments);

    /// <summary>Launches a function; nothing if there are no blocks.</summary>
    /// <param name="function">Its name in the text.</param>
    /// <param name="blocks">Blocks of the grid.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="arguments">What the function takes. Tensors live until it has been launched.</param>
    /// <exception cref="CudaException">CUDA refuses the launch.</exception>
    public void Launch(string function, long blocks, int threads, params ReadOnlySpan<CudaArgument> arguments)
    {
        if (blocks > int.MaxValue)
        {
            throw new CudaException($"The CUDA kernel {function} would need {blocks} blocks, and a grid has 2³¹ − 1.");
        }

        if (blocks == 0)
        {
            return;
        }

        // A kernel would follow an address of another device's.
        var device = arguments[0].Device;
        foreach (var argument in arguments)
        {
            if (argument.Device is { } other && other != device)
            {
                throw new CudaException(
                    $"The CUDA kernel {function} takes tensors of one device; it is given those of {Name(device)} and "
                    + $"{Name(other)}.");
            }
        }

        var values = stackalloc ulong[arguments.Length];
        var places = stackalloc void*[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            values[i] = arguments[i].Bits;
            places[i] = &values[i];
        }

        driver.Launch(
            functions.GetOrAdd(function, static (name, own) => own.Driver.Function(own.Module, name),
                (Driver: driver, Module: module)),
            (uint)blocks,
            (uint)threads,
            places);
    }

    private static string Name((DeviceType Type, int Index)? device) =>
        device is { Type: DeviceType.CPU } ? "the CPU" : $"{device?.Type}:{device?.Index}";
}
