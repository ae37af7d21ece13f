using System.Text.RegularExpressions;
using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Architecture;

/// <summary>
/// Reading a number of a device waits for all that it was given to do. Layers and what they are made of read none in a
/// step, but for the files below.
/// </summary>
public partial class HostReads
{
    private static readonly string[] Folders =
        ["Adapters", "Autograd", "Cuda", "Layers", "Quantization", "Recurrence"];

    private static readonly Dictionary<string, string> Reads = new()
    {
        ["Adapters/LowRank/LoraGaInitialization.cs"] = "before training",
        ["Adapters/MergedWeight.cs"] = "merging",
        ["Autograd/RandomState.cs"] = "the CPU's generator",
        ["Layers/Embedding.cs"] = "words of a refusal",
        ["Quantization/ActivationLevels.cs"] = "on the CPU alone",
        ["Quantization/Layers/LsqConv2d.cs"] = "while steps get their values, and for files",
        ["Quantization/Oscillations/Annealing.cs"] = "a report",
        ["Quantization/Oscillations/OscillationTracker.cs"] = "a report",
        ["Quantization/ScaleInitialization.cs"] = "while steps get their values",
    };

    [Fact]
    public void Layers_ReadNoNumber()
    {
        var runtime = Path.Combine(Repository.Root, "src", "Runtime");
        var found = Folders
            .SelectMany(folder => Directory.GetFiles(
                Path.Combine(runtime, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => Read().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetRelativePath(runtime, file).Replace('\\', '/'));
        Assert.Equal(Reads.Keys.Order(), found.Order());
    }

    [GeneratedRegex(@"(?<!Convert)\.(item|data|cpu|ToSingle|ToDouble|ToInt32|ToInt64|ToBoolean|nonzero)\b[<(]")]
    private static partial Regex Read();
}
