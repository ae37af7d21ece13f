using System.CommandLine;
using static TorchSharp.torch;

namespace Marrow.Examples;

/// <summary>The option <c>--type</c> of the examples.</summary>
internal static class TypeName
{
    /// <summary>The option.</summary>
    public static Option<string> Option()
    {
        var option = new Option<string>("--type")
        {
            Description = "The type of the model's weights: float32 or bfloat16.",
            DefaultValueFactory = _ => "float32",
        };
        option.AcceptOnlyFromAmong("float32", "bfloat16");
        return option;
    }

    /// <summary>The type of a name that the option accepts.</summary>
    public static ScalarType Parse(string name) => name == "bfloat16" ? ScalarType.BFloat16 : ScalarType.Float32;
}
