using System.CommandLine;
using static TorchSharp.torch;

namespace Marrow.Examples;

/// <summary>The option <c>--device</c> of the examples.</summary>
internal static class DeviceName
{
    /// <summary>The option.</summary>
    public static Option<string> Option() => new("--device")
    {
        Description = "Where to compute: cpu, cuda, cuda:1 and so on, or auto, which MARROW_DEVICE may say.",
        DefaultValueFactory = _ => "auto",
    };

    /// <summary>The device of a name.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static Device Parse(string name)
    {
        try
        {
            return Devices.Of(name);
        }
        catch (ArgumentException fault)
        {
            throw new UserException(fault.Message.Split(" (Parameter")[0]);
        }
    }
}
