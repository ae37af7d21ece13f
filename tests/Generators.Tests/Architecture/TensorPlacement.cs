using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Marrow.Generators.Tests.Architecture;

/// <summary>
/// A tensor is made on the device of those that it meets. Without a device to run on, what can be seen is the source:
/// every factory of torch's that is called there and in emitted code says a device, but in the files below, which work
/// on the CPU whatever the model is on. It does not see a device that is said wrongly.
/// </summary>
public class TensorPlacement
{
    private static readonly HashSet<string> Factories =
    [
        "zeros", "ones", "empty", "full", "arange", "eye", "tensor", "randn", "rand", "randint", "linspace", "logspace",
        "randperm", "from_array", "as_tensor", "tril_indices", "triu_indices", "hann_window",
    ];

    private static readonly Dictionary<string, string> OnTheCpu = new()
    {
        ["Runtime/Adapters/LowRank/SingularTriples.cs"] = "the same random columns on every device, moved then",
        ["Runtime/Autograd/BackwardFault.cs"] = "gradients of the CPU alone",
        ["Runtime/Autograd/RandomState.cs"] = "the CPU's generator seeds the device's",
        ["Runtime/Autograd/Recomputation.cs"] = "an input without elements, for autograd alone",
        ["Runtime/Checkpoints/CheckpointFile.cs"] = "files are read there",
        ["Runtime/Checkpoints/Gguf/GgufFile.cs"] = "files are read there",
        ["Runtime/Checkpoints/SafetensorsFile.cs"] = "files are read there",
        ["Runtime/Checkpoints/TorchFile.cs"] = "files are read there",
        ["Runtime/Layers/RmsNormOperation.cs"] = "a CPU kernel's",
        ["Runtime/Onnx/OnnxQuantizers.cs"] = "written to a file",
        ["Runtime/Operations/CheckpointSources.cs"] = "files are read there",
        ["Runtime/Quantization/Bfloat16Backward.cs"] = "times the CPU's products",
        ["Runtime/Quantization/Layers/IntegerProduct.cs"] = "a CPU kernel's",
        ["Runtime/Quantization/Qkr/QkrLogits.cs"] = "a CPU kernel's",
        ["Runtime/Quantization/StatsQ/StatsQ.cs"] = "a CPU kernel's",
        ["Runtime/Training/Evaluations.cs"] = "numbers of the host, for a file",
        ["Runtime/Training/TrainingState.cs"] = "numbers of the host, for a file",
        ["Models/Generation/Generation.cs"] = "ids of the host, moved then",
        ["Models/Generation/Decoding.cs"] = "rows of the host, moved then",
        ["Models/Language/Data/TextBatches.cs"] = "texts of the host, sent then",
        ["Models/Language/Gguf/GgufExport.cs"] = "written to a file",
        ["Models/Rope/RotaryTable.cs"] = "computed in float64, moved then",
        ["Models/Rwkv6/Rwkv6Initialization.cs"] = "copied into parameters",
        ["Models/Vision/Data/ImageLoader.cs"] = "read there, sent then",
    };

    [Fact]
    public void Factories_SayADevice()
    {
        var found = LibrarySources.Written.Concat(LibrarySources.Emitted)
            .SelectMany(file => WithoutDevice(file.Path).Select(line => (file.Name, Line: line)))
            .ToList();
        Assert.DoesNotContain(found, place => !OnTheCpu.ContainsKey(place.Name));
        Assert.Empty(OnTheCpu.Keys.Except(found.Select(place => place.Name)));
    }

    private static IEnumerable<string> WithoutDevice(string file) =>
        from call in TestCompilation.Parse(File.ReadAllText(file), file).GetRoot().DescendantNodes()
            .OfType<InvocationExpressionSyntax>()
        where call.Expression is IdentifierNameSyntax { Identifier.Text: var name } && Factories.Contains(name)
            && !call.ArgumentList.Arguments.Any(SaysDevice)
        select $"line {call.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {call}";

    /// <summary>By name, or as a positional argument whose own name tells.</summary>
    private static bool SaysDevice(ArgumentSyntax argument) =>
        argument.NameColon?.Name.Identifier.Text == "device"
        || argument.Expression.ToString().EndsWith("device", StringComparison.OrdinalIgnoreCase);
}
