using System.Diagnostics;
using System.Globalization;

namespace Marrow.Benchmarks;

/// <summary>
/// Peak memory of a step, as the kernel counts it (VmHWM, reset before the step). Each step runs in a process of its
/// own where every block from 64 KB on is a mapping: pages then stand for living tensors and not for holes in the heap.
/// Linux with glibc only.
/// </summary>
internal static class PeakMemory
{
    /// <summary>The argument under which the program calls <see cref="Print"/> with the ones that follow.</summary>
    public const string Argument = "--peak";

    public static bool IsAvailable => OperatingSystem.IsLinux();

    /// <summary>
    /// Bytes that a step needs beyond what is there before it, measured by this program in another process.
    /// </summary>
    public static double InChild(params string[] step)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(PeakMemory).Assembly.Location);
        start.ArgumentList.Add(Argument);
        foreach (var argument in step) start.ArgumentList.Add(argument);
        (start.Environment["MARROW_DEFAULT_MALLOC"], start.Environment["MALLOC_MMAP_THRESHOLD_"]) = ("1", "65536");
        using var child = Process.Start(start)!;
        var printed = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return double.Parse(printed, CultureInfo.InvariantCulture);
    }

    /// <summary>Measures a step in this process: the least of some runs, after one that warms up.</summary>
    public static void Print(Action step)
    {
        step();
        var peak = Enumerable.Range(0, 5).Min(_ =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            File.WriteAllText("/proc/self/clear_refs", "5");
            var before = Status("VmRSS");
            step();
            return Status("VmHWM") - before;
        });
        Console.WriteLine(peak);
    }

    private static long Status(string field) => 1024 * long.Parse(
        File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith(field + ":"))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);
}
