using Marrow.Layers;
using Marrow.Onnx;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Multi-head self-attention: <c>softmax(q kᵀ / sqrt(d) + bias) v</c>, then <c>proj</c>. The input is [B, N, dim], or
/// with windows (Swin, arXiv 2103.14030) [B, height, width, dim].
/// </summary>
public class Attention : Layer
{
    private const string BiasTable = "relative_position_bias_table";
    private readonly AttentionWindows? windows;

    /// <summary>Makes the layer; its linear layers come with <see cref="BuildLayers"/>.</summary>
    public Attention(AttentionSite site)
        : base(site.Name)
    {
        Site = site;
        if (site.Window > 0)
        {
            windows = new AttentionWindows(site.Window, site.Shift);
            using var scope = NewDisposeScope();
            var edge = (2 * site.Window) - 1;
            Add(BiasTable, Initial.Normal([edge * edge, site.Heads], 0.02, site.Dtype, site.Device), trainable: true);
        }
    }

    /// <summary>What the layer was made as.</summary>
    public AttentionSite Site { get; }

    /// <summary>
    /// dim → 3 dim: queries, keys and values of all heads, in this order. Null where a subclass has others.
    /// </summary>
    public Linear? Qkv { get; private set; }

    /// <summary>dim → dim.</summary>
    public Linear Proj { get; private set; } = null!;

    /// <summary>Width of a head.</summary>
    protected long HeadDim => Site.Dim / Site.Heads;

    /// <summary>What products of queries and keys are multiplied with, <c>1 / sqrt(d)</c>.</summary>
    protected double Scale => 1 / Math.Sqrt(HeadDim);

    /// <summary>x to the same shape.</summary>
    public sealed override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(
            windows is null ? Attend(x, bias: null) : windows.Run(x, GetParameter(BiasTable), Attend));
    }

    /// <summary>Makes the linear layers; a subclass may make others in place of <see cref="Qkv"/>.</summary>
    internal virtual void BuildLayers(ILinearBuilder builder)
    {
        Qkv = builder.Linear("qkv", Site.Dim, 3 * Site.Dim, Site.HasQkvBias, Site.Positions);
        BuildProjection(builder);
    }

    /// <summary>Makes <see cref="Proj"/>.</summary>
    private protected void BuildProjection(ILinearBuilder builder) =>
        Proj = builder.Linear("proj", Site.Dim, Site.Dim, bias: true, Site.Positions);

    internal sealed override OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x) => windows is null
        ? Attend(graph, x, bias: null)
        : windows.ToOnnx(x, GetParameter(BiasTable), graph, Attend);

    /// <summary>Attention among N positions.</summary>
    /// <param name="x">[B, N, dim].</param>
    /// <param name="bias">Added to the scaled products of queries and keys, [1 or B, heads, N, N]; or null.</param>
    /// <returns>[B, N, dim].</returns>
    protected virtual Tensor Attend(Tensor x, Tensor? bias)
    {
        var heads = Qkv!.call(x).view(x.size(0), x.size(1), 3, Site.Heads, HeadDim).permute(2, 0, 3, 1, 4);
        var (q, k, v) = (heads[0], heads[1], heads[2]); // [B, heads, N, d]
        return Proj.call(Join(nn.functional.scaled_dot_product_attention(q, k, v, attn_mask: bias)));
    }

    /// <summary>The same in a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="x">[B, N, dim].</param>
    /// <param name="bias">[1 or windows, heads, N, N]; or null.</param>
    private protected virtual OnnxValue Attend(OnnxGraph graph, OnnxValue x, Tensor? bias)
    {
        var qkv = Qkv!.ToOnnx(graph, x);
        var (q, k, v) = (Part(0), Part(1), Part(2));
        return Attend(graph, graph.Scale(graph.MatMul(q, graph.Transpose(k, 0, 1, 3, 2)), Scale), bias, v);

        OnnxValue Part(int index) =>
            Heads(graph, graph.Slice(qkv, 2, index * Site.Dim, (index + 1) * Site.Dim));
    }

    /// <summary>From logits and values to the output.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="logits">[B, heads, N, N].</param>
    /// <param name="bias">As above.</param>
    /// <param name="v">[B, heads, N, d].</param>
    /// <param name="quantize">Quantizes the attention weights, if they are.</param>
    private protected OnnxValue Attend(
        OnnxGraph graph, OnnxValue logits, Tensor? bias, OnnxValue v, Func<OnnxValue, OnnxValue>? quantize = null)
    {
        if (bias is not null)
        {
            var name = $"{LayerName}.bias";
            logits = bias.size(0) == 1
                ? graph.Add(logits, graph.Constant(name, bias))
                : graph.Reshape(
                    graph.Add(
                        graph.Reshape(logits, [-1, bias.size(0), .. logits.Shape[1..]]), graph.Constant(name, bias)),
                    logits.Shape);
        }

        var weights = graph.Softmax(logits);
        var heads = graph.MatMul(quantize?.Invoke(weights) ?? weights, v);
        return Proj.ToOnnx(graph, graph.Reshape(graph.Transpose(heads, 0, 2, 1, 3), -1, v.Shape[2], Site.Dim));
    }

    /// <summary>[B, N, dim] to [B, heads, N, d] in a graph.</summary>
    private protected OnnxValue Heads(OnnxGraph graph, OnnxValue x) =>
        graph.Transpose(graph.Reshape(x, -1, x.Shape[1], Site.Heads, HeadDim), 0, 2, 1, 3);

    /// <summary><c>softmax(logits + bias)</c>, [B, heads, N, N].</summary>
    protected static Tensor Softmax(Tensor logits, Tensor? bias) =>
        nn.functional.softmax(bias is null ? logits : logits + bias, -1);

    /// <summary>[B, N, dim] to [B, heads, N, d].</summary>
    protected Tensor Heads(Tensor x) => x.view(x.size(0), x.size(1), Site.Heads, HeadDim).transpose(1, 2);

    /// <summary>[B, heads, N, d] to [B, N, dim].</summary>
    protected static Tensor Join(Tensor heads) => heads.transpose(1, 2).flatten(2);
}
