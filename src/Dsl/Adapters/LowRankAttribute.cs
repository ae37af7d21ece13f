namespace Marrow;

/// <summary>
/// The options of <see cref="LoraAttribute"/> and <see cref="DoraAttribute"/>. Rank and Alpha also accept an expression
/// over the constructor's parameters.
/// </summary>
public abstract class LowRankAttribute : AdapterAttribute
{
    private protected LowRankAttribute()
    {
    }

    /// <summary>Rank of the update. 8 if not given.</summary>
    public object Rank { get; set; } = 8;

    /// <summary>Numerator of the scale, <c>s = Alpha / Rank</c>. Equal to the rank if not given.</summary>
    public object? Alpha { get; set; }

    /// <summary>Scale by <c>Alpha / sqrt(Rank)</c> instead (rsLoRA, arXiv 2312.03732).</summary>
    public bool RankStabilized { get; set; }

    /// <summary>Where A and B start. Kaiming if not given.</summary>
    public LoraInit Init { get; set; }

    /// <summary>
    /// With <see cref="LoraInit.Pissa"/>: power iterations of a fast randomized SVD; 0, the default, is the exact SVD.
    /// </summary>
    public int Iterations { get; set; }

    /// <summary>Dropout on the input of A, in training: a number, or an expression.</summary>
    public object Dropout { get; set; } = 0.0;

    /// <summary>
    /// Learning rate of B, and of DoRA's lengths, as a multiple of A's (LoRA+, arXiv 2402.12354). 1 if not given.
    /// </summary>
    public double LearningRateRatio { get; set; } = 1;
}
