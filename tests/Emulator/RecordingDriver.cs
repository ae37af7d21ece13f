using static TorchSharp.torch;

namespace Marrow.Cuda.Emulation;

/// <summary>Another driver, of which the functions that are launched are recorded.</summary>
internal sealed unsafe class RecordingDriver(ICudaDriver driver) : ICudaDriver
{
    private readonly Dictionary<nint, string> names = [];

    /// <summary>The functions that were launched.</summary>
    public List<string> Launched { get; } = [];

    public nint Load(KernelText text) => driver.Load(text);

    public nint Function(nint module, string name)
    {
        var function = driver.Function(module, name);
        names[function] = name;
        return function;
    }

    public DeviceStatus Status() => driver.Status();

    public void Launch(nint function, uint blocks, uint threads, void** arguments)
    {
        Launched.Add(names[function]);
        driver.Launch(function, blocks, threads, arguments);
    }

    public Tensor Multiply(Tensor a, Tensor b)
    {
        Launched.Add("mm.dtype");
        return driver.Multiply(a, b);
    }
}
