using static TorchSharp.torch;

namespace Marrow.Adapters.LowRank;

/// <summary>Sums of products B A [out, in].</summary>
internal static class LowRankSum
{
    /// <summary>
    /// The best A and B of a rank for Σ B A: orthonormal bases of all B's columns and all A's rows, and an SVD between
    /// them.
    /// </summary>
    public static (Tensor A, Tensor B) Of(IReadOnlyList<(Tensor A, Tensor B)> terms, long rank)
    {
        var (columns, r) = linalg.qr(cat([.. terms.Select(term => term.B)], 1));
        var (rows, l) = linalg.qr(cat([.. terms.Select(term => term.A)], 0).t());
        var (u, s, vt) = linalg.svd(r.mm(l.t()), fullMatrices: false);
        var root = s.narrow(0, 0, rank).sqrt();
        return (root.unsqueeze(1) * vt.narrow(0, 0, rank).mm(rows.t()), columns.mm(u.narrow(1, 0, rank)) * root);
    }
}
