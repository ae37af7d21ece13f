using static TorchSharp.torch;

namespace Marrow.Adapters.LowRank;

/// <summary>
/// Initial values A [rank, in] and B [out, rank] of low-rank adapters that come from a matrix M [out, in]. Whoever uses
/// them takes s B A out of the frozen weight.
/// </summary>
internal static class LowRankInitialization
{
    private const int LoraGaIterations = 4;

    // Up to this size the exact decomposition costs no more than the randomized one.
    private const long SmallMatrix = 256;

    /// <summary>
    /// PiSSA (arXiv 2404.02948, equations 2 to 4): with W = U diag(S) Vᵀ, <c>A = diag(sqrt(S_r / s)) V_rᵀ</c> and
    /// <c>B = U_r diag(sqrt(S_r / s))</c>, so that s B A is the best approximation of W of this rank.
    /// </summary>
    /// <param name="weight">W.</param>
    /// <param name="rank">Columns of B.</param>
    /// <param name="scale">s.</param>
    /// <param name="iterations">Power iterations of the randomized decomposition; 0: the exact one.</param>
    public static (Tensor A, Tensor B) Pissa(Tensor weight, long rank, double scale, int iterations)
    {
        var (u, s, vt) = iterations > 0
            ? SingularTriples.Randomized(weight, rank, iterations)
            : SingularTriples.Exact(weight).Leading(rank);
        var root = (s / scale).sqrt();
        return (root.unsqueeze(1) * vt, u * root);
    }

    /// <summary>
    /// OLoRA (arXiv 2406.01775): with W = Q R, B is the first columns of Q and A the first rows of R.
    /// </summary>
    /// <param name="weight">W.</param>
    /// <param name="rank">Columns of B.</param>
    public static (Tensor A, Tensor B) Olora(Tensor weight, long rank)
    {
        var (q, r) = linalg.qr(weight);
        return (r.narrow(0, 0, rank), q.narrow(1, 0, rank));
    }

    /// <summary>
    /// LoRA-GA (arXiv 2407.05000, section 3): with G = U diag(S) Vᵀ, A takes rows of Vᵀ and B columns of U of different
    /// triples, so that the first step moves B A about along the gradient; then both are scaled.
    /// </summary>
    /// <param name="weight">W; its singular values scale the WeightSvd form.</param>
    /// <param name="gradient">G, the mean gradient of the loss by W.</param>
    /// <param name="rank">Columns of B, at most half the smaller size.</param>
    /// <param name="scale">s.</param>
    /// <param name="options">Which triples, and which scaling.</param>
    public static (Tensor A, Tensor B) LoraGa(
        Tensor weight, Tensor gradient, long rank, double scale, LoraGaOptions options)
    {
        var least = gradient.shape.Min();
        var (u, s, vt) = least <= SmallMatrix
            ? SingularTriples.Exact(gradient)
            : SingularTriples.Randomized(gradient, 2 * rank, LoraGaIterations);
        var (first, second) = (arange(rank, device: gradient.device), arange(rank, 2 * rank, device: gradient.device));
        var (ofA, ofB) = options.Direction switch
        {
            LoraGaDirection.ArB2r => (first, second),
            LoraGaDirection.A2rBr => (second, first),
            _ => ((first * 2) + 1, first * 2),
        };
        var isOriginal = options.Variant == LoraGaVariant.Original;
        var a = vt.index_select(0, ofA);
        var b = u.index_select(1, ofB);
        if (!isOriginal)
        {
            b = b * s.index_select(0, ofB);
        }

        var stable = Math.Pow(weight.size(0), 0.25) / Math.Sqrt(options.Gamma);
        return options.Scale switch
        {
            LoraGaScale.Stable => (isOriginal ? a * stable : a, b * stable),
            LoraGaScale.GradientDescent => (a / scale, b / scale),
            LoraGaScale.WeightSvd when isOriginal => ByWeight((LeadingValues(weight, rank) / scale).sqrt().mean()),
            LoraGaScale.WeightSvd => (a, b * (LeadingValues(weight, 1)[0] / s.index_select(0, ofB)[0])),
            _ => (a, b),
        };

        (Tensor A, Tensor B) ByWeight(Tensor factor) => (a * factor, b * factor);
    }

    private static Tensor LeadingValues(Tensor weight, long count) => weight.shape.Min() <= SmallMatrix
        ? SingularTriples.Exact(weight).Leading(count).S
        : SingularTriples.Randomized(weight, count, LoraGaIterations).S;
}
