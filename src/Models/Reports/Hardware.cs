using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Marrow.Reports;

/// <summary>The machine that a run is on, for its report.</summary>
public static class Hardware
{
    /// <summary>Device, processor, memory, system and libraries.</summary>
    /// <param name="device">What the run was on; null for the CPU.</param>
    public static IReadOnlyList<(string Name, string Value)> Facts(torch.Device? device = null) =>
    [
        .. device is not null && Devices.Status(device) is { } status
            ?
            [
                ("Device", $"{status.Name}, {GiB(status.TotalBytes)}"),
                ("Device's memory in use", GiB(status.UsedBytes)),
            ]
            : ((string, string)[])[],
        ("Processor", $"{Processor()}, {Environment.ProcessorCount} threads"),
        ("Memory", GiB(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)),
        ("System", $"{RuntimeInformation.OSDescription.Trim()}, {RuntimeInformation.FrameworkDescription}"),
        ("TorchSharp", typeof(torch).Assembly.GetName().Version!.ToString(3)),
        ("Threads of libtorch", torch.get_num_threads().ToString(CultureInfo.InvariantCulture)),
    ];

    private static string GiB(long bytes) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes / Math.Pow(2, 30):F1} GiB");

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
