namespace Marrow;

/// <summary>What an adapter is, apart from its values.</summary>
public abstract record AdapterSettings
{
    /// <summary>The compile-time size rules, for sizes that are known only at run time.</summary>
    /// <exception cref="ArgumentException">The adapter does not suit the layer's sizes.</exception>
    internal abstract void Check(LinearSite site);
}

/// <summary>A Bone adapter.</summary>
/// <param name="Form">Its form.</param>
/// <param name="BlockSize">Edge of a block.</param>
/// <param name="MiniRank">Columns of the trainable matrix in the Mini form, else 0.</param>
/// <param name="Dropout">Dropout on its input.</param>
public sealed record BoneSettings(BoneForm Form, long BlockSize, long MiniRank = 0, double Dropout = 0) : AdapterSettings
{
    internal override void Check(LinearSite site)
    {
        if (Form is BoneForm.Row or BoneForm.Column)
        {
            AdapterSize.BlockDividesBoth(site, BlockSize);
            return;
        }

        AdapterSize.BlockIsPositive(site, BlockSize);
        if (Form == BoneForm.Mini)
        {
            AdapterSize.MiniRankDivides(site, MiniRank);
        }
    }
}

/// <summary>A LoRA or DoRA adapter.</summary>
/// <param name="Rank">Rank of the update.</param>
/// <param name="Alpha">Numerator of the scale.</param>
/// <param name="RankStabilized">Whether the scale divides by the root of the rank.</param>
/// <param name="Dropout">Dropout on its input.</param>
/// <param name="IsDora">Whether the rows' lengths are trained too.</param>
/// <param name="Init">Where A and B start.</param>
/// <param name="Iterations">Power iterations of PiSSA's randomized SVD; 0: the exact one.</param>
/// <param name="LearningRateRatio">Learning rate of B as a multiple of A's.</param>
public sealed record LoraSettings(
    long Rank,
    double Alpha,
    bool RankStabilized = false,
    double Dropout = 0,
    bool IsDora = false,
    LoraInit Init = LoraInit.Kaiming,
    int Iterations = 0,
    double LearningRateRatio = 1) : AdapterSettings
{
    /// <summary>s in <c>W + s B A</c>.</summary>
    public double Scale => Alpha / (RankStabilized ? Math.Sqrt(Rank) : Rank);

    internal override void Check(LinearSite site) => AdapterSize.RankFits(site, this);
}
