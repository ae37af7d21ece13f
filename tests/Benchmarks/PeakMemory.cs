using System.Globalization;
using System.Runtime.InteropServices;

namespace Marrow.Benchmarks;

/// <summary>
/// Peak memory of a step, as the kernel counts it (VmHWM): freed heap is returned first, so that the step's pages are
/// counted again, and the high-water mark is reset. Linux only.
/// </summary>
internal static partial class PeakMemory
{
    public static bool IsAvailable { get; } = OperatingSystem.IsLinux() && CanReset();

    /// <summary>Bytes that the step needs at its peak beyond what is there before it; the least of some runs.</summary>
    public static long Of(Action step, int runs = 5)
    {
        step();
        return Enumerable.Range(0, runs).Min(_ =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            malloc_trim(0);
            File.WriteAllText("/proc/self/clear_refs", "5");
            var before = Status("VmRSS");
            step();
            return Status("VmHWM") - before;
        });
    }

    private static long Status(string field) => 1024 * long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field + ":")).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    private static bool CanReset()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint keep);
}
