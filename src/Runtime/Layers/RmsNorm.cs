using Marrow.Autograd;
using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Root mean square normalization over the last dimension, <c>x / sqrt(mean x² + eps) · w</c> (arXiv 1910.07467).
/// Types narrower than float32 are normalized in float32.
/// </summary>
public sealed class RmsNorm : Layer
{
    private readonly long dim;
    private readonly double eps;

    internal RmsNorm(string name, long dim, double eps, ScalarType dtype, Device device)
        : base(name)
    {
        (this.dim, this.eps) = (dim, eps);
        using var scope = NewDisposeScope();
        Add("weight", ones(dim, dtype: dtype, device: device), trainable: true);
    }

    /// <summary>The scale, [dim].</summary>
    public Parameter Weight => GetParameter("weight");

    /// <summary>x [..., dim] to the same shape and type.</summary>
    /// <exception cref="ArgumentException">The last dimension is another.</exception>
    public override Tensor forward(Tensor x)
    {
        if (x.dim() == 0 || x.size(-1) != dim)
        {
            // The plain formula would broadcast it.
            throw new ArgumentException(
                $"Layer '{LayerName}' takes [..., {dim}]; the input is [{string.Join(", ", x.shape)}].", nameof(x));
        }

        if (!EagerMode.IsOn && RmsNormOperation.Suits(x, Weight))
        {
            return OperationFunction.Run(new RmsNormOperation(eps, Weight.requires_grad), x, Weight);
        }

        using var scope = NewDisposeScope();
        var wide = x.element_size() < 4 ? x.to(ScalarType.Float32) : x;
        var normal = wide * (wide.square().mean([-1], keepdim: true) + eps).rsqrt();
        return scope.MoveToOuter(normal.to(x.dtype) * Weight);
    }
}
