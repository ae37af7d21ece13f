using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Lengths of a weight's rows, which DoRA trains apart from their directions. A row of zeros counts as length 1.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class RowNorms
{
    /// <summary><c>‖W_o‖</c> of W [out, in]; [out].</summary>
    public static Tensor Of(Tensor weight)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Lengths((weight * weight).sum([1])));
    }

    /// <summary>
    /// <c>‖E_o‖</c> of E = W + s B A without E itself:
    /// <c>‖E_o‖² = ‖W_o‖² + 2 s (W Aᵀ ∘ B)_o + s² (B (A Aᵀ) ∘ B)_o</c>, the products summed over the rank.
    /// </summary>
    /// <param name="weight">W [out, in].</param>
    /// <param name="a">A [rank, in].</param>
    /// <param name="b">B [out, rank].</param>
    /// <param name="scale">s.</param>
    /// <returns>[out].</returns>
    public static Tensor OfSum(Tensor weight, Tensor a, Tensor b, double scale = 1)
    {
        using var scope = NewDisposeScope();
        var cross = weight.mm(a.t()).mul_(2 * scale).add_(b.mm(a.mm(a.t())), alpha: scale * scale).mul_(b).sum([1]);
        var length = linalg.vector_norm(weight, ord: 2, dims: [1]);
        return scope.MoveToOuter(Lengths(cross.addcmul_(length, length, value: 1)));
    }

    private static Tensor Lengths(Tensor squares) => squares.sqrt_().masked_fill_(squares.eq(0), 1);
}
