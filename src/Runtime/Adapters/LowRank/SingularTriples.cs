using static TorchSharp.torch;

namespace Marrow.Adapters.LowRank;

/// <summary>The leading part of a singular value decomposition M ≈ U diag(S) Vᵀ.</summary>
/// <param name="U">Left vectors as columns, [rows, count].</param>
/// <param name="S">Singular values, largest first, [count].</param>
/// <param name="Vt">Right vectors as rows, [count, columns].</param>
internal sealed record SingularTriples(Tensor U, Tensor S, Tensor Vt)
{
    // Columns beyond those asked for take up what the power iterations have not yet pushed out of the others. Where
    // singular values fall slowly it takes as many again: the last one's error falls with (σ beyond them all / σ)^(4
    // iterations + 2).
    private const long LeastOversampling = 16;

    private const ulong Seed = 5489;

    /// <summary>The exact decomposition.</summary>
    public static SingularTriples Exact(Tensor matrix)
    {
        var (u, s, vt) = linalg.svd(matrix, fullMatrices: false);
        return new(u, s, vt);
    }

    /// <summary>
    /// The randomized decomposition (Halko, Martinsson, Tropp, arXiv 0909.4061, algorithms 4.4 and 5.1): the range of
    /// <c>(M Mᵀ)^iterations M Ω</c> with Ω random, made orthonormal after every product, and the exact decomposition of
    /// M within it. The random numbers are the same at every call, so that they can be computed again.
    /// </summary>
    /// <param name="matrix">M [rows, columns].</param>
    /// <param name="count">How many triples.</param>
    /// <param name="iterations">Power iterations; more separate close singular values better.</param>
    public static SingularTriples Randomized(Tensor matrix, long count, int iterations)
    {
        var (rows, columns) = (matrix.size(0), matrix.size(1));
        var width = Math.Min(count + Math.Max(count, LeastOversampling), Math.Min(rows, columns));
        using var generator = new Generator(Seed, CPU);
        var omega = randn([columns, width], dtype: matrix.dtype, generator: generator).to(matrix.device);
        var range = Orthonormal(matrix.mm(omega));
        for (var i = 0; i < iterations; i++)
        {
            range = Orthonormal(matrix.mm(Orthonormal(matrix.t().mm(range))));
        }

        var inside = Exact(range.t().mm(matrix));
        return new SingularTriples(range.mm(inside.U), inside.S, inside.Vt).Leading(count);
    }

    /// <summary>The first <paramref name="count"/> triples.</summary>
    public SingularTriples Leading(long count) =>
        new(U.narrow(1, 0, count), S.narrow(0, 0, count), Vt.narrow(0, 0, count));

    private static Tensor Orthonormal(Tensor columns) => linalg.qr(columns).Q;
}
