using Marrow.Shared;

namespace Marrow;

/// <summary>
/// The compile-time size rules for sizes that are known only at run time. Emitted constructors call them.
/// </summary>
public static class AdapterSize
{
    /// <summary>Bone row and column: the block divides both sizes.</summary>
    /// <exception cref="ArgumentException">MRW101.</exception>
    public static long BlockDividesBoth(LinearSite site, long blockSize) =>
        Checked(blockSize, AdapterSizes.BlockDividesBoth(site.Name, blockSize, site.InFeatures, site.OutFeatures));

    /// <summary>Bone free and mini: the block is positive.</summary>
    /// <exception cref="ArgumentException">MRW101.</exception>
    public static long BlockIsPositive(LinearSite site, long blockSize) =>
        Checked(blockSize, AdapterSizes.BlockIsPositive(site.Name, blockSize));

    /// <summary>Bone mini: the columns divide the output.</summary>
    /// <exception cref="ArgumentException">MRW101.</exception>
    public static long MiniRankDivides(LinearSite site, long miniRank) =>
        Checked(miniRank, AdapterSizes.MiniRankDivides(site.Name, miniRank, site.OutFeatures));

    /// <summary>LoRA and DoRA: the rank is in 1 to the smaller size, for LoRA-GA half of it.</summary>
    /// <exception cref="ArgumentException">MRW102.</exception>
    public static long RankFits(LinearSite site, LoraSettings settings) => Checked(settings.Rank, AdapterSizes.RankFits(
        site.Name, settings.IsDora ? "Dora" : "Lora", settings.Rank, site.InFeatures, site.OutFeatures, settings.Init == LoraInit.LoraGa));

    private static long Checked(long size, string? fault) => fault is null ? size : throw new ArgumentException(fault + ".");
}
