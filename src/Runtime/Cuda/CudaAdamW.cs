using Marrow.Kernels.Memory;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>AdamW over many parameters by one CUDA kernel: the text <c>adamw.cu</c>.</summary>
internal static unsafe class CudaAdamW
{
    private const int Threads = 256, EntriesOfBlock = 16384, Columns = 9;

    /// <summary>The kernel for a parameter that it can move; null if it does not apply.</summary>
    public static CudaModule? For(Tensor value) =>
        CudaKernels.DriverOf(value) is { } driver && CudaEntry.Of(value) is { } entry && value.is_contiguous()
            ? CudaKernels.Load(driver, Text(entry))
            : null;

    public static KernelText Text(string entry) => new("adamw", $"ENTRY={entry}");

    /// <summary>
    /// What the kernel reads of parameters of one device and type, and how many thread blocks they need.
    /// </summary>
    /// <param name="moves">The parameters; what they hold lives until the kernel is launched.</param>
    public static (long[] Table, long Blocks) Table(IReadOnlyList<Move> moves)
    {
        var (table, blocks) = (new long[moves.Count * Columns], 0L);
        foreach (var (i, move) in moves.Index())
        {
            ((long[])
            [
                (long)move.Value.Address(), (long)move.Gradient.Address(), (long)move.Mean.Address(),
                (long)move.Square.Address(), move.Master is null ? 0 : (long)move.Master.Address(),
                move.Frozen is null ? 0 : (long)move.Frozen.Address(), move.Value.numel(), blocks,
                BitConverter.SingleToUInt32Bits((float)move.Kept)
                    | ((long)BitConverter.SingleToUInt32Bits((float)move.Size) << 32),
            ]).CopyTo(table, i * Columns);
            blocks += (move.Value.numel() + EntriesOfBlock - 1) / EntriesOfBlock;
        }

        return (table, blocks);
    }

    /// <summary>Moves the parameters of a table, in one launch.</summary>
    /// <param name="kernels">From <see cref="For"/>.</param>
    /// <param name="table">From <see cref="Table"/>, on the parameters' device.</param>
    /// <param name="blocks">From there too.</param>
    /// <param name="beta1">β₁.</param>
    /// <param name="beta2">β₂.</param>
    /// <param name="root">sqrt(1 − β₂ᵗ).</param>
    /// <param name="eps">ε.</param>
    public static void Step(
        CudaModule kernels, Tensor table, long blocks, double beta1, double beta2, double root, double eps) =>
        kernels.Launch(
            "adamw", blocks, Threads, table, (int)(table.numel() / Columns), (float)beta1, (float)beta2, (float)root,
            (float)eps);

    /// <summary>A parameter's step.</summary>
    /// <param name="Value">The parameter.</param>
    /// <param name="Gradient">Its gradient, of its type, contiguous.</param>
    /// <param name="Mean">m, float32.</param>
    /// <param name="Square">v, float32.</param>
    /// <param name="Master">What the parameter is the rounding of, float32; null in 32 bits.</param>
    /// <param name="Frozen">Entries to leave alone, bool, or null.</param>
    /// <param name="Kept">What decay leaves of a weight.</param>
    /// <param name="Size">The rate, corrected for the first steps' m.</param>
    public sealed record Move(
        Tensor Value, Tensor Gradient, Tensor Mean, Tensor Square, Tensor? Master, Tensor? Frozen, double Kept,
        double Size);
}
