using System.Runtime.InteropServices;

namespace Marrow.Native;

/// <summary>
/// glibc gives every large tensor fresh pages and returns them when it is freed; the page faults then cost more than
/// many kernels. This keeps large blocks in the heap for reuse.
/// </summary>
internal static partial class GlibcMalloc
{
    private const int TrimThreshold = -1, MmapThreshold = -3;

    /// <summary>
    /// Does nothing on other C libraries, or where MARROW_DEFAULT_MALLOC=1 (benchmarks compare both).
    /// </summary>
    public static void KeepLargeBlocks()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("MARROW_DEFAULT_MALLOC") == "1") return;
        if (!NativeLibrary.TryLoad("libc.so.6", out var libc)
            || !NativeLibrary.TryGetExport(libc, "mallopt", out _)) return;
        mallopt(MmapThreshold, 1 << 30);
        mallopt(TrimThreshold, int.MaxValue);
    }

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);
}
