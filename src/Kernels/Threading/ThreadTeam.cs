using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Marrow.Kernels.Threading;

/// <summary>A kernel whose items are divided among threads.</summary>
internal interface IRangeKernel
{
    /// <summary>Processes items [first, end).</summary>
    /// <param name="first">The first item.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="part">Index of this part, for partial results.</param>
    void Run(int first, int end, int part);
}

/// <summary>
/// Runs kernels on libtorch's own OpenMP team. After a torch operation its threads still spin, so a fork costs about a
/// microsecond, whereas .NET's threads would compete with them for the cores. Without libgomp the .NET pool takes over,
/// for larger work only.
/// </summary>
internal static unsafe class ThreadTeam
{
    // Less work than this is faster on one thread; pool threads take longer to wake.
    private const int LeastElements = 1 << 13, LeastElementsOfPool = 1 << 17;

    // More parts than threads balance the load when a core is shared with another process or virtual machine.
    private const int PartsOfThread = 8, LeastElementsOfPart = 1 << 12;

    private static readonly delegate* unmanaged<delegate* unmanaged<Job*, void>, Job*, uint, uint, void> Fork;

    static ThreadTeam()
    {
        foreach (var path in LoadedLibraries())
        {
            if (NativeLibrary.TryLoad(path, out var library)
                && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel))
            {
                Fork = (delegate* unmanaged<delegate* unmanaged<Job*, void>, Job*, uint, uint, void>)parallel;
                return;
            }
        }
    }

    /// <summary>Upper bound of <see cref="Parts"/>.</summary>
    public static int MostParts => PartsOfThread * torch.get_num_threads();

    /// <summary>
    /// Number of parts that <see cref="Run"/> divides the work into: a function of the work and torch's thread count
    /// alone, so that sums over parts are reproducible.
    /// </summary>
    public static int Parts(int items, long elements)
    {
        if (elements < (Fork == null ? LeastElementsOfPool : LeastElements))
        {
            return 1;
        }

        return torch.get_num_threads() == 1
            ? 1
            : (int)Math.Max(1, Math.Min(Math.Min(items, MostParts), elements / LeastElementsOfPart));
    }

    /// <summary>
    /// Runs a kernel over all items in <see cref="Parts"/> equal parts, which threads take dynamically.
    /// </summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="items">Number of items.</param>
    /// <param name="elements">Total work, in elements; decides whether threads pay off.</param>
    public static void Run<TKernel>(ref TKernel kernel, int items, long elements)
        where TKernel : struct, IRangeKernel
    {
        var parts = Parts(items, elements);
        if (parts == 1)
        {
            kernel.Run(0, items, 0);
            return;
        }

        if (Fork == null)
        {
            RunOnPool(ref kernel, items, parts);
            return;
        }

        // No copy or pin: the kernel lives on the stack of this caller, which waits.
        var job = new Job
        {
            Kernel = Unsafe.AsPointer(ref kernel),
            Invoke = &Invoke<TKernel>,
            Items = items,
            Parts = parts,
        };
        Fork(&Enter, &job, (uint)Math.Min(parts, torch.get_num_threads()), 0);
        if (job.Fault != 0)
        {
            var handle = GCHandle.FromIntPtr(job.Fault);
            var fault = (ExceptionDispatchInfo)handle.Target!;
            handle.Free();
            fault.Throw();
        }
    }

    /// <summary>Runs the parts on the .NET thread pool.</summary>
    internal static void RunOnPool<TKernel>(ref TKernel kernel, int items, int parts)
        where TKernel : struct, IRangeKernel
    {
        var address = (nint)Unsafe.AsPointer(ref kernel);
        try
        {
            Parallel.For(0, parts, part =>
                Invoke<TKernel>((void*)address, First(items, part, parts), First(items, part + 1, parts), part));
        }
        catch (AggregateException faults)
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]); // the same exception as from the OpenMP team
        }
    }

    private static int First(int items, int part, int parts) => (int)((long)items * part / parts);

    private static void Invoke<TKernel>(void* kernel, int first, int end, int part)
        where TKernel : struct, IRangeKernel => Unsafe.AsRef<TKernel>(kernel).Run(first, end, part);

    [UnmanagedCallersOnly]
    private static void Enter(Job* job)
    {
        try
        {
            for (var part = Interlocked.Increment(ref job->Taken) - 1; part < job->Parts;
                part = Interlocked.Increment(ref job->Taken) - 1)
            {
                job->Invoke(job->Kernel, First(job->Items, part, job->Parts), First(job->Items, part + 1, job->Parts),
                    part);
            }
        }
        catch (Exception fault)
        {
            // Exceptions must not unwind into native code. The first one is reported.
            var handle = GCHandle.Alloc(ExceptionDispatchInfo.Capture(fault));
            if (Interlocked.CompareExchange(ref job->Fault, GCHandle.ToIntPtr(handle), 0) != 0)
            {
                handle.Free();
            }
        }
    }

    /// <summary>OpenMP libraries that libtorch has already loaded.</summary>
    private static IEnumerable<string> LoadedLibraries() => OperatingSystem.IsLinux()
        ? File.ReadLines("/proc/self/maps")
            .Where(line => line.Contains("gomp", StringComparison.Ordinal) && line.Contains('/'))
            .Select(line => line[line.IndexOf('/')..])
            .Distinct()
            .ToList()
        : [];

    private struct Job
    {
        public void* Kernel;
        public delegate*<void*, int, int, int, void> Invoke;
        public int Items;
        public int Parts;
        public int Taken;
        public nint Fault;
    }
}
