using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Marrow.Reports;

/// <summary>The machine that a run is on, for its report.</summary>
public static class Hardware
{
    /// <summary>Processor, memory, system and libraries.</summary>
    public static IReadOnlyList<(string Name, string Value)> Facts() =>
    [
        ("Processor", $"{Processor()}, {Environment.ProcessorCount} threads"),
        ("Memory", string.Create(
            CultureInfo.InvariantCulture,
            $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Math.Pow(2, 30):F1} GiB")),
        ("System", $"{RuntimeInformation.OSDescription.Trim()}, {RuntimeInformation.FrameworkDescription}"),
        ("TorchSharp", typeof(torch).Assembly.GetName().Version!.ToString(3)),
        ("Threads of libtorch", torch.get_num_threads().ToString(CultureInfo.InvariantCulture)),
    ];

    private static string Processor()
    {
        const string Information = "/proc/cpuinfo";
        try
        {
            var line = File.ReadLines(Information).FirstOrDefault(line =>
                line.StartsWith("model name", StringComparison.Ordinal));
            return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return RuntimeInformation.ProcessArchitecture.ToString();
        }
    }
}
