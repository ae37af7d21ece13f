using System.CommandLine;
using Marrow.Tool.CommandLine;
using static TorchSharp.torch;

namespace Marrow.Tool.Verbs;

/// <summary>The options of verbs that compute: where, and in which type.</summary>
internal sealed class ComputeOptions
{
    private static readonly Dictionary<string, ScalarType> Types = new()
    {
        ["float32"] = ScalarType.Float32,
        ["bfloat16"] = ScalarType.BFloat16,
    };

    private readonly Option<string?> device = new("--device")
    {
        Description = "Where to compute: cpu, cuda, cuda:1 and so on, or auto, which is what MARROW_DEVICE says, else "
            + "cuda where there is one; auto if not given.",
        HelpName = "device",
    };

    private readonly Option<string?> type = Choice.Of(
        "--type", "The type of the model's weights; float32 if not given.", Types.Keys.ToDictionary(name => name));

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(device);
        verb.Add(type);
    }

    /// <summary>The name of the type.</summary>
    public string TypeName(Invocation call) => call.Get(type) ?? "float32";

    /// <summary>The type.</summary>
    public ScalarType Type(Invocation call) => Types[TypeName(call)];

    /// <summary>The device, once libtorch is loaded.</summary>
    /// <exception cref="ToolException">It cannot be used.</exception>
    public Device Device(Invocation call)
    {
        try
        {
            return Devices.Of(call.Get(device) ?? "auto");
        }
        catch (ArgumentException fault)
        {
            throw new ToolException(fault.Message.Split(" (Parameter")[0], fault);
        }
    }
}
