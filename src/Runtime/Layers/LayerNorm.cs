using Marrow.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Layer normalization over the last dimension, <c>(x − mean) / sqrt(var + eps) · w + b</c>.</summary>
public sealed class LayerNorm : Layer
{
    private readonly long dim;
    private readonly double eps;

    internal LayerNorm(string name, long dim, double eps, bool bias, ScalarType dtype, Device device)
        : base(name)
    {
        (this.dim, this.eps) = (dim, eps);
        using var scope = NewDisposeScope();
        Add("weight", ones(dim, dtype: dtype, device: device), trainable: true);
        if (bias)
        {
            Add("bias", zeros(dim, dtype: dtype, device: device), trainable: true);
        }
    }

    /// <summary>The scale, [dim].</summary>
    public Parameter Weight => GetParameter("weight");

    /// <summary>The shift, [dim], or null.</summary>
    public Parameter? Bias => _internal_params.TryGetValue("bias", out var bias) ? bias : null;

    /// <summary>x [..., dim] to the same shape and type.</summary>
    public override Tensor forward(Tensor x) => nn.functional.layer_norm(x, [dim], Weight, Bias, eps);

    internal override OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x) => graph.Node(
        "LayerNormalization",
        x.Shape,
        [
            x,
            graph.Constant($"{LayerName}.weight", Weight),
            Bias is { } bias ? graph.Constant($"{LayerName}.bias", bias) : null,
        ],
        ("axis", -1L),
        ("epsilon", (float)eps));

    private protected override string? Wanted(Tensor x) => WantedLast(x, dim, Weight.dtype);
}
