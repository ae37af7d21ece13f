using System.ComponentModel;
using Marrow.Onnx;
using Marrow.Quantization.Layers;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Attention with quantized activations (the baseline of arXiv 2302.02210): queries and keys by LSQ with a step for
/// each position, values with a step for each channel, attention weights with unsigned levels and a step for each
/// query. <c>qkv</c> and <c>proj</c> are quantized linear layers of their own.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class QuantizedAttention : Attention
{
    private readonly ActivationQuantizer query, key, value, weights;

    /// <summary>Makes the layer.</summary>
    /// <exception cref="ArgumentException">The number of tokens is not known.</exception>
    public QuantizedAttention(AttentionSite site, QuantizerSettings settings)
        : base(site)
    {
        var (tokens, bits) = (site.RequirePositions(), settings.Checked().Activations);
        query = Quantizer("quan_a_q_fn.s", tokens, LevelRange.Signed(bits), ScaleGranularity.Position);
        key = Quantizer("quan_a_k_fn.s", tokens, LevelRange.Signed(bits), ScaleGranularity.Position);
        value = Quantizer("quan_a_v_fn.s", site.Dim, LevelRange.Signed(bits), ScaleGranularity.Channel);
        weights = Quantizer("quan_a_softmax_fn.s", tokens, LevelRange.Unsigned(bits), ScaleGranularity.Position);
        AddQuantizer("move_qkv_b4.bias", 3 * site.Dim, site.Dtype, site.Device);
        AddQuantizer("move_q_aft.bias", site.Dim, site.Dtype, site.Device);
        AddQuantizer("move_k_aft.bias", site.Dim, site.Dtype, site.Device);
        AddQuantizer("move_v_aft.bias", site.Dim, site.Dtype, site.Device);
    }

    /// <inheritdoc/>
    protected override Tensor Attend(Tensor x, Tensor? bias)
    {
        var qkv = Qkv!.call(x); // [B, N, 3 dim]
        var q = Part(0, query, "move_q_aft.bias");
        var k = Part(1, key, "move_k_aft.bias");
        var v = Part(2, value, "move_v_aft.bias");

        var logits = Heads(q).matmul(Heads(k).transpose(2, 3)) * Scale; // [B, heads, N, N]
        var p = weights.Softmax(logits, bias);
        return Proj.call(Join(p.matmul(Heads(v))));

        Tensor Part(long index, ActivationQuantizer quantizer, string after) => quantizer.Run(
            qkv.narrow(2, index * Site.Dim, Site.Dim),
                GetParameter("move_qkv_b4.bias").narrow(0, index * Site.Dim, Site.Dim), GetParameter(after));
    }

    /// <inheritdoc/>
    private protected override OnnxValue Attend(OnnxGraph graph, OnnxValue x, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var qkv = Qkv!.ToOnnx(graph, x);
        var q = Part(0, query, "q");
        var k = Part(1, key, "k");
        var v = Part(2, value, "v");
        return Attend(
            graph,
            graph.Scale(graph.MatMul(q, graph.Transpose(k, 0, 1, 3, 2)), Scale),
            bias,
            v,
            p => weights.ToOnnx(graph, p, $"{LayerName}.softmax"));

        OnnxValue Part(int index, ActivationQuantizer quantizer, string name) => Heads(graph, quantizer.ToOnnx(
            graph,
            graph.Slice(qkv, 2, index * Site.Dim, (index + 1) * Site.Dim),
            $"{LayerName}.{name}",
            GetParameter("move_qkv_b4.bias").narrow(0, index * Site.Dim, Site.Dim),
            GetParameter($"move_{name}_aft.bias")));
    }

    private ActivationQuantizer Quantizer(string step, long steps, LevelRange range, ScaleGranularity sharing)
    {
        AddQuantizer(step, steps, Site.Dtype, Site.Device);
        return new ActivationQuantizer(GetParameter, step, range, sharing);
    }
}
