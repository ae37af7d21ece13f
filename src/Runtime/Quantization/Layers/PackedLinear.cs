using System.ComponentModel;
using Marrow.Autograd;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A linear layer whose weight is frozen in levels, packed; only its input has a gradient. The emitted
/// classes derive from it and state the forward and its backward.
/// </summary>
/// <param name="site">What the layer is to be.</param>
/// <param name="packedBits">2, 3, 4 or 8.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class PackedLinear(LinearSite site, int packedBits) : Linear(site, packedBits), IExplicitLayer
{
    ScalarType IExplicitLayer.Dtype => GetParameter("weight.scale").dtype;

    IReadOnlyList<Parameter> IExplicitLayer.Trainable => [];

    IReadOnlyList<Parameter> IExplicitLayer.Frozen => Bias is { } bias ? [bias] : [];

    /// <summary>x [..., in] to y [..., out].</summary>
    public sealed override Tensor forward(Tensor x)
    {
        if (!EagerMode.IsOn)
        {
            return LayerFunction.Run(this, x);
        }

        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Plain(x));
    }

    Tensor IExplicitLayer.Forward(Saved saved, Tensor x) => Forward(saved, x);

    Gradients IExplicitLayer.Backward(Saved saved, Tensor dy) => Backward(saved, dy);

    /// <summary>y by the plain formula, in ordinary differentiable operations.</summary>
    /// <param name="x">[..., in].</param>
    protected abstract Tensor Plain(Tensor x);

    /// <summary>The forward, outside autograd.</summary>
    /// <param name="saved">Keeps what the backward needs.</param>
    /// <param name="x">[n, in].</param>
    /// <returns>y [n, out].</returns>
    protected abstract Tensor Forward(Saved saved, Tensor x);

    /// <summary>The gradient of x. Temporaries are freed by the caller.</summary>
    /// <param name="saved">What the forward kept.</param>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    protected abstract Gradients Backward(Saved saved, Tensor dy);
}
