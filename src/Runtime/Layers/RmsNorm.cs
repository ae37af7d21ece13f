using Marrow.Autograd;
using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Root mean square normalization over the last dimension, <c>x / sqrt(mean x² + eps) · w</c> (arXiv 1910.07467),
/// or <c>· (1 + w)</c> where w is zero-centered. Types narrower than float32 are normalized in float32, and scaled
/// there too if w is zero-centered, for which 1 + w has too few digits in theirs.
/// </summary>
public sealed class RmsNorm : Layer
{
    private readonly long dim;
    private readonly double eps;
    private readonly bool zeroCentered;

    internal RmsNorm(string name, long dim, double eps, bool zeroCentered, ScalarType dtype, Device device)
        : base(name)
    {
        (this.dim, this.eps, this.zeroCentered) = (dim, eps, zeroCentered);
        using var scope = NewDisposeScope();
        Add("weight", full([dim], zeroCentered ? 0 : 1, dtype: dtype, device: device), trainable: true);
    }

    /// <summary>The scale, or what it is above one, [dim].</summary>
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
            return OperationFunction.Run(new RmsNormOperation(eps, zeroCentered, Weight.requires_grad), x, Weight);
        }

        using var scope = NewDisposeScope();
        var wide = x.element_size() < 4 ? x.to(ScalarType.Float32) : x;
        var normal = wide * (wide.square().mean([-1], keepdim: true) + eps).rsqrt();
        return scope.MoveToOuter(zeroCentered
            ? (normal * (Weight.to(normal.dtype) + 1)).to(x.dtype)
            : normal.to(x.dtype) * Weight);
    }
}
