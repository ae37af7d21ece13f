using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Marrow.Kernels.Threading;

/// <summary>A kernel over a range of items that several threads share.</summary>
internal interface IRangeKernel
{
    /// <summary>Works on the items from <paramref name="first"/> up to, but not including, <paramref name="end"/>.</summary>
    /// <param name="first">The first item.</param>
    /// <param name="end">One past the last.</param>
    /// <param name="part">Which part of the whole this is, from 0: the index of a partial result.</param>
    void Run(int first, int end, int part);
}

/// <summary>
/// Runs kernels on libtorch's own OpenMP threads. Right after a torch operation these still spin, so a fork costs about a
/// microsecond, while threads of .NET's would have to share the cores with them. Where there is no libgomp, .NET's do the work
/// if there is much of it.
/// </summary>
internal static unsafe class ThreadTeam
{
    // Below this many elements a fork costs more than it saves; .NET's threads take longer to wake.
    private const int LeastElements = 1 << 13, LeastElementsOfPool = 1 << 17;

    // Cores are seldom equally fast: other programs, and other guests of a machine, use them too. With parts of its own for each thread, all would
    // wait for the slowest one.
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

    /// <summary>The most parts that work is cut in.</summary>
    public static int MostParts => PartsOfThread * torch.get_num_threads();

    /// <summary>
    /// In how many parts <see cref="Run"/> cuts the work. It depends on the work and on torch's number of threads alone,
    /// so that sums over parts come out the same from run to run.
    /// </summary>
    public static int Parts(int items, long elements)
    {
        if (elements < (Fork == null ? LeastElementsOfPool : LeastElements))
        {
            return 1;
        }

        return torch.get_num_threads() == 1 ? 1 : (int)Math.Max(1, Math.Min(Math.Min(items, MostParts), elements / LeastElementsOfPart));
    }

    /// <summary>Runs a kernel over all items, in <see cref="Parts"/> equal parts; each thread takes the next part when it is done with one.</summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="items">How many items there are.</param>
    /// <param name="elements">How many elements they have together, to judge whether threads are worth it.</param>
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

        // The kernel stays where it is: it is a struct on the stack of a caller that waits.
        var job = new Job { Kernel = Unsafe.AsPointer(ref kernel), Invoke = &Invoke<TKernel>, Items = items, Parts = parts };
        Fork(&Enter, &job, (uint)Math.Min(parts, torch.get_num_threads()), 0);
        if (job.Fault != 0)
        {
            var handle = GCHandle.FromIntPtr(job.Fault);
            var fault = (ExceptionDispatchInfo)handle.Target!;
            handle.Free();
            fault.Throw();
        }
    }

    /// <summary>Runs the parts on .NET's threads.</summary>
    internal static void RunOnPool<TKernel>(ref TKernel kernel, int items, int parts)
        where TKernel : struct, IRangeKernel
    {
        var address = (nint)Unsafe.AsPointer(ref kernel);
        try
        {
            Parallel.For(0, parts, part => Invoke<TKernel>((void*)address, First(items, part, parts), First(items, part + 1, parts), part));
        }
        catch (AggregateException faults)
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]); // as from OpenMP's threads
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
            for (var part = Interlocked.Increment(ref job->Taken) - 1; part < job->Parts; part = Interlocked.Increment(ref job->Taken) - 1)
            {
                job->Invoke(job->Kernel, First(job->Items, part, job->Parts), First(job->Items, part + 1, job->Parts), part);
            }
        }
        catch (Exception fault)
        {
            // It must not leave for native code. If other parts fail too, one of their faults is as good.
            var handle = GCHandle.Alloc(ExceptionDispatchInfo.Capture(fault));
            if (Interlocked.CompareExchange(ref job->Fault, GCHandle.ToIntPtr(handle), 0) != 0)
            {
                handle.Free();
            }
        }
    }

    /// <summary>The OpenMP libraries that libtorch has brought into the process; loading one again only finds it.</summary>
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
