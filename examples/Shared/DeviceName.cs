using static TorchSharp.torch;

namespace Marrow.Examples;

/// <summary>The option <c>--device</c> of the examples.</summary>
internal static class DeviceName
{
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
