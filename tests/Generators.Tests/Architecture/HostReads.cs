using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Marrow.Generators.Tests.Architecture;

/// <summary>
/// Reading a number of a device waits for all that it was given to do. A training step does so in one place,
/// <c>WeightedSum.Read</c>; the other files that read are below, with the reason why no step waits there. What libtorch
/// itself waits for, beyond <c>nonzero</c> and its kin, is not seen.
/// </summary>
public class HostReads
{
    private static readonly HashSet<string> Reading =
        ["item", "cpu", "data", "ToSingle", "ToDouble", "ToInt32", "ToInt64", "ToBoolean"];

    private static readonly HashSet<string> Waiting = ["nonzero", "masked_select", "unique"];

    private static readonly Dictionary<string, string> Reasons = new()
    {
        ["Models/Generation/Sampling.cs"] = "once a token",
        ["Models/Language/Data/TextBatches.cs"] = "a batch that does not say how much it holds",
        ["Models/Language/Evaluation/TextLoss.cs"] = "a measurement",
        ["Models/Vision/Training/Accuracy.cs"] = "a measurement, at its end",
        ["Runtime/Adapters/LowRank/LoraGaInitialization.cs"] = "before training",
        ["Runtime/Adapters/MergedWeight.cs"] = "merging",
        ["Runtime/Autograd/RandomState.cs"] = "the CPU's generator",
        ["Runtime/Checkpoints/Gguf/GgufWriter.cs"] = "written to a file",
        ["Runtime/Checkpoints/SafetensorsWriter.cs"] = "written to a file",
        ["Runtime/Layers/Embedding.cs"] = "words of a refusal",
        ["Runtime/Onnx/OnnxGraph.cs"] = "written to a file",
        ["Runtime/Onnx/OnnxQuantizers.cs"] = "written to a file",
        ["Runtime/Operations/CheckpointOperations.cs"] = "read from a file",
        ["Runtime/Operations/EagerVerification.cs"] = "a comparison",
        ["Runtime/Operations/QuantizerOperations.cs"] = "a report",
        ["Runtime/Peft/PeftWeights.cs"] = "read from a file",
        ["Runtime/Quantization/ActivationLevels.cs"] = "on the CPU alone",
        ["Runtime/Quantization/Layers/LsqConv2d.cs"] = "while steps get their values, and for files",
        ["Runtime/Quantization/Oscillations/Annealing.cs"] = "after the step's reading, with nothing to wait for",
        ["Runtime/Quantization/Oscillations/OscillationTracker.cs"] = "a report",
        ["Runtime/Quantization/ScaleInitialization.cs"] = "while steps get their values",
        ["Runtime/Training/Evaluations.cs"] = "read from a file",
        ["Runtime/Training/TrainingException.cs"] = "a fault",
        ["Runtime/Training/TrainingState.cs"] = "read from a file",
        ["Runtime/Training/WeightedSum.cs"] = "the step's one reading",
    };

    [Fact]
    public void OnlyThesePlacesReadNumbers()
    {
        var found = LibrarySources.Written
            .SelectMany(file => Reads(file.Path).Select(line => (file.Name, Line: line)))
            .ToList();
        Assert.DoesNotContain(found, place => !Reasons.ContainsKey(place.Name));
        Assert.Empty(Reasons.Keys.Except(found.Select(place => place.Name)));
    }

    [Fact]
    public void EmittedCode_ReadsNoNumber() =>
        Assert.Empty(LibrarySources.Emitted.SelectMany(file => Reads(file.Path)));

    private static IEnumerable<string> Reads(string file) =>
        from call in TestCompilation.Parse(File.ReadAllText(file), file).GetRoot().DescendantNodes()
            .OfType<InvocationExpressionSyntax>()
        let name = call.Expression switch
        {
            MemberAccessExpressionSyntax access => access.Name.Identifier.Text,
            MemberBindingExpressionSyntax binding => binding.Name.Identifier.Text, // a?.item<long>()
            _ => "",
        }
        where Waiting.Contains(name) || (Reading.Contains(name) && call.ArgumentList.Arguments.Count == 0)
        select $"line {call.GetLocation().GetLineSpan().StartLinePosition.Line + 1}: {call}";
}
