using System.Globalization;

namespace Marrow.Examples.FineTune;

/// <summary>The most memory that the process had resident since the last reset, where Linux tells.</summary>
internal static class PeakMemory
{
    private const string Status = "/proc/self/status", Reset = "/proc/self/clear_refs", ResetPeak = "5";

    /// <summary>Forgets the peak so far.</summary>
    /// <returns>Whether that worked; if not, the peak is that of all before too.</returns>
    public static bool TryReset()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        try
        {
            File.WriteAllText(Reset, ResetPeak);
            return true;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>The peak in MiB.</summary>
    public static double? MiB()
    {
        try
        {
            var line = File.ReadLines(Status).FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kib, "kB"]
                ? double.Parse(kib, CultureInfo.InvariantCulture) / 1024
                : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
