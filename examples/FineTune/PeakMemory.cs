using System.Globalization;
using System.Runtime.InteropServices;

namespace Marrow.Examples.FineTune;

/// <summary>The most memory that the process had resident since the last reset, where Linux tells.</summary>
internal static partial class PeakMemory
{
    private const string Status = "/proc/self/status", Reset = "/proc/self/clear_refs", ResetPeak = "5";

    /// <summary>Gives back what nobody uses any more, and forgets the peak so far.</summary>
    /// <returns>Whether that worked; if not, the peak is not that of what follows alone.</returns>
    public static bool TryReset()
    {
        // Tensors that nobody disposed free their memory in finalizers; then the collector gives back its own.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        try
        {
            _ = TrimHeap(0);
            File.WriteAllText(Reset, ResetPeak);
            return true;
        }
        catch (Exception fault) when (
            fault is IOException or UnauthorizedAccessException or DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    /// <summary>The peak in MiB.</summary>
    public static double? MiB()
    {
        try
        {
            var line = File.ReadLines(Status).FirstOrDefault(line =>
                line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line?.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is [_, var kib, "kB"]
                ? double.Parse(kib, CultureInfo.InvariantCulture) / 1024
                : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>glibc keeps freed memory for later; what the method before used must not count for the next.</summary>
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimHeap(nuint keep);
}
