using Marrow.Layers;
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

    /// <summary><c>softmax(logits + bias)</c>, [B, heads, N, N].</summary>
    protected static Tensor Softmax(Tensor logits, Tensor? bias) =>
        nn.functional.softmax(bias is null ? logits : logits + bias, -1);

    /// <summary>[B, N, dim] to [B, heads, N, d].</summary>
    protected Tensor Heads(Tensor x) => x.view(x.size(0), x.size(1), Site.Heads, HeadDim).transpose(1, 2);

    /// <summary>[B, heads, N, d] to [B, N, dim].</summary>
    protected static Tensor Join(Tensor heads) => heads.transpose(1, 2).flatten(2);
}
