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

    private readonly Option<string?> device = Choice.Of(
        "--device", "Where to compute; cpu if not given.", new[] { "cpu", "cuda" }.ToDictionary(name => name));

    private readonly Option<string?> type = Choice.Of(
        "--type", "The type of the base's weights; float32 if not given.", Types.Keys.ToDictionary(name => name));

    /// <summary>Adds them to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(device);
        verb.Add(type);
    }

    /// <summary>The name of the device.</summary>
    public string DeviceName(Invocation call) => call.Get(device) ?? "cpu";

    /// <summary>The name of the type.</summary>
    public string TypeName(Invocation call) => call.Get(type) ?? "float32";

    /// <summary>The type.</summary>
    public ScalarType Type(Invocation call) => Types[TypeName(call)];

    /// <summary>The device, once libtorch is loaded.</summary>
    /// <exception cref="ToolException">It cannot be used.</exception>
    public Device Device(Invocation call) => DeviceName(call) == "cpu" ? CPU
        : cuda.is_available() ? CUDA
        : throw new ToolException(
            "No CUDA device can be used; set MARROW_LIBTORCH to a PyTorch installation with CUDA on a machine that has "
            + "one, or leave --device out.");
}
