using System.ComponentModel;
using Marrow.Layers;
using Marrow.Onnx;
using Marrow.Quantization.Layers;
using Marrow.Quantization.Qkr;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Attention with query-key reparameterization (QKR, arXiv 2302.02210, section 4.3): in place of queries and keys, the
/// product of their weights is quantized, G_h = W_q,hᵀ W_k,h for each head, so that a level of one does not make the
/// other oscillate.
/// <code>
/// x̂ = LSQ(x + move_b4) + move_aft                    a step for each position
/// v = x̂ StatsQ(W_v)ᵀ + b_v,   v̂ = LSQ(v + …) + …     a step for each channel
/// z_h = x̂ StatsQ(G_h)ᵀ,       ẑ = LSQ(z + …) + …     a step for each position and head
/// p = LSQ(softmax(x̂ ẑ_hᵀ / sqrt(d) + bias)),         unsigned, a step for each query
/// y = proj(p v̂)
/// </code>
/// Both products with x̂ are one exact product of 8-bit integers, and so are the logits of x̂ and ẑ. Queries and keys
/// have no bias.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class QkrAttention : Attention, IQuantizedLayer
{
    private const string InputStep = "quant_x_4_qkv.input_quant_fn.s", InputBefore = "quant_x_4_qkv.move_b4.bias",
        InputAfter = "quant_x_4_qkv.move_aft.bias";
    private readonly FrozenCodes frozenValue = new(isOdd: true), frozenProduct = new(isOdd: true);
    private (PackedWeight Value, PackedWeight Product)? packed;
    private readonly ActivationQuantizer? input, value, product, weights;

    /// <summary>Makes the layer.</summary>
    /// <exception cref="ArgumentException">The number of tokens is not known.</exception>
    public QkrAttention(AttentionSite site, QuantizerSettings settings)
        : base(site)
    {
        Settings = settings.Checked();
        using var scope = NewDisposeScope();
        var bound = 1 / Math.Sqrt(site.Dim);
        foreach (var name in new[] { "q.weight", "k.weight", "v.weight" })
        {
            Add(name, Initial.Uniform([site.Dim, site.Dim], bound, site.Dtype, site.Device), trainable: true);
        }

        if (site.HasQkvBias)
        {
            Add("v.bias", Initial.Uniform([site.Dim], bound, site.Dtype, site.Device), trainable: true);
        }

        if (settings.Activations == 0)
        {
            return;
        }

        var (tokens, bits) = (site.RequirePositions(), settings.Activations);
        input = Quantizer(InputStep, tokens, LevelRange.Signed(bits), ScaleGranularity.Position);
        value = Quantizer("quan_a_v_fn.s", site.Dim, LevelRange.Signed(bits), ScaleGranularity.Channel);
        product = Quantizer("quan_a_qkx_fn.s", tokens * site.Heads, LevelRange.Signed(bits), ScaleGranularity.Position);
        weights = Quantizer("quan_a_softmax_fn.s", tokens, LevelRange.Unsigned(bits), ScaleGranularity.Position);
        foreach (var name in new[] { InputBefore, InputAfter, "move_v_b4.bias", "move_v_aft.bias" })
        {
            AddQuantizer(name, site.Dim, site.Dtype, site.Device);
        }

        AddQuantizer("move_qkx_b4.bias", site.Heads * site.Dim, site.Dtype, site.Device);
        AddQuantizer("move_qkx_aft.bias", site.Heads * site.Dim, site.Dtype, site.Device);
    }

    /// <inheritdoc/>
    public QuantizerSettings Settings { get; }

    IEnumerable<QuantizedWeight> IQuantizedLayer.QuantizedWeights => packed is not null ? [] :
    [
        new($"{LayerName}.v.weight", Settings, (Site.Dim, Site.Dim), () =>
            GetParameter("v.weight").alias(), GetParameter("v.weight"), null, frozenValue),
        new($"{LayerName}.qk", Settings, (Site.Heads * Site.Dim, Site.Dim), Products, null, null, frozenProduct),
    ];

    internal override IReadOnlyList<string> LatentParameters => ["q.weight", "k.weight", "v.weight"];

    internal override void UsePacked(IReadOnlyDictionary<string, PackedWeight> weights)
    {
        Remove(LatentParameters);
        packed = (Take(weights[$"{LayerName}.v.weight"], "v.weight"), Take(weights[$"{LayerName}.qk"], "qk"));
    }

    private Parameter? ValueBias => Site.HasQkvBias ? GetParameter("v.bias") : null;

    /// <summary>All G_h one below the other, [heads · dim, dim].</summary>
    internal Tensor Products()
    {
        using var scope = NewDisposeScope();
        var q = GetParameter("q.weight").view(Site.Heads, HeadDim, Site.Dim);
        var k = GetParameter("k.weight").view(Site.Heads, HeadDim, Site.Dim);
        return scope.MoveToOuter(q.transpose(1, 2).bmm(k).view(Site.Heads * Site.Dim, Site.Dim));
    }

    /// <summary>
    /// The rows of a fused <c>qkv</c> layer, as plain checkpoints have it, that a parameter takes its values from.
    /// </summary>
    internal override (string Source, long FirstRow)? SourceOf(string parameter) => parameter switch
    {
        "q.weight" => ("qkv.weight", 0),
        "k.weight" => ("qkv.weight", Site.Dim),
        "v.weight" => ("qkv.weight", 2 * Site.Dim),
        "v.bias" => ("qkv.bias", 2 * Site.Dim),
        _ => null,
    };

    /// <summary>The bias of a fused <c>qkv</c> goes with it even where this layer has none.</summary>
    internal override IReadOnlyList<string> RedundantSources => ["qkv.bias"];

    /// <inheritdoc/>
    internal override void BuildLayers(ILinearBuilder builder) => BuildProjection(builder);

    /// <inheritdoc/>
    protected override Tensor Attend(Tensor x, Tensor? bias)
    {
        var (batch, n, dim, heads) = (x.size(0), x.size(1), Site.Dim, Site.Heads);
        var quantized = input?.Run(x, GetParameter(InputBefore), GetParameter(InputAfter)) ?? x; // x̂ [B, N, dim]

        // v and z in one product: StatsQ takes each row of a weight for itself.
        var bothBias = ValueBias is { } valueBias ? nn.functional.pad(valueBias, [0, heads * dim]) : null;
        var levels = input is null
            ? null
            : new LevelSource(x, input.Step, GetParameter(InputBefore), GetParameter(InputAfter), input.Range);
        var both = packed is var (packedValue, packedProduct)
            ? QuantizedProduct.Infer(
                quantized, levels, WeightLevels.Stacked(packedValue.Unpack(), packedProduct.Unpack()), bothBias)
            : QuantizedProduct.Run(
                quantized,
                levels,
                cat([GetParameter("v.weight"), frozenProduct.Apply(Products())], 0), // [dim + heads · dim, dim]
                bothBias,
                Settings,
                [new(frozenValue, 0, dim), new(frozenProduct, dim, heads * dim)]);
        var v = both.narrow(2, 0, dim); // [B, N, dim]
        var z = both.narrow(2, dim, heads * dim).reshape(batch, n * heads, dim); // row n · heads + h
        if (input is not null)
        {
            v = value!.Run(v, GetParameter("move_v_b4.bias"), GetParameter("move_v_aft.bias"));
            z = product!.Run(z, GetParameter("move_qkx_b4.bias"), GetParameter("move_qkx_aft.bias"));
        }

        // logits[b, h, n, m] = x̂[b, n] · ẑ[b, m, h] / sqrt(d)
        var logits = input is null
            ? QkrLogits.Plain(quantized, z, heads, Scale)
            : QkrLogits.Of(
                new(quantized, input.Step, GetParameter(InputAfter), input.Range),
                    new(z, product!.Step, GetParameter("move_qkx_aft.bias"), product.Range), heads, Scale);
        var p = weights?.Softmax(logits, bias) ?? Softmax(logits, bias);
        return Proj.call(Join(p.matmul(Heads(v))));
    }

    /// <inheritdoc/>
    private protected override OnnxValue Attend(OnnxGraph graph, OnnxValue x, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var (n, dim, heads) = (x.Shape[1], Site.Dim, Site.Heads);
        var (valueWeight, productWeight) = packed ?? Packed();
        x = input?.ToOnnx(
            graph, x, $"{LayerName}.input", GetParameter(InputBefore), GetParameter(InputAfter)) ?? x;
        var v = graph.Linear(x, graph.Weight($"{LayerName}.v.weight", valueWeight));
        v = ValueBias is { } valueBias ? graph.Add(v, graph.Constant($"{LayerName}.v.bias", valueBias)) : v;
        v = value?.ToOnnx(
            graph, v, $"{LayerName}.v", GetParameter("move_v_b4.bias"), GetParameter("move_v_aft.bias")) ?? v;
        var z = graph.Linear(x, graph.Weight($"{LayerName}.qk", productWeight)); // [B, N, heads · dim]
        if (product is not null)
        {
            // Steps are for positions and heads, shifts for heads and channels.
            z = graph.Add(z, graph.Constant($"{LayerName}.z.before", GetParameter("move_qkx_b4.bias")));
            z = product.ToOnnx(graph, graph.Reshape(z, -1, n * heads, dim), $"{LayerName}.z");
            z = graph.Add(
                graph.Reshape(z, -1, n, heads * dim),
                graph.Constant($"{LayerName}.z.after", GetParameter("move_qkx_aft.bias")));
        }

        var logits = graph.MatMul(
            graph.Reshape(x, -1, 1, n, dim), // [B, 1, N, dim]
            graph.Transpose(graph.Reshape(z, -1, n, heads, dim), 0, 2, 3, 1)); // [B, heads, dim, N]
        return Attend(
            graph,
            graph.Scale(logits, Scale),
            bias,
            Heads(graph, v),
            weights is null ? null : p => weights.ToOnnx(graph, p, $"{LayerName}.softmax"));
    }

    /// <summary>Both weights, packed; they belong to the present dispose scope.</summary>
    private (PackedWeight Value, PackedWeight Product) Packed()
    {
        var both = ((IQuantizedLayer)this).QuantizedWeights.Select(weight => weight.Pack()).ToList();
        return (both[0], both[1]);
    }

    private ActivationQuantizer Quantizer(string step, long steps, LevelRange range, ScaleGranularity sharing)
    {
        AddQuantizer(step, steps, Site.Dtype, Site.Device);
        return new ActivationQuantizer(GetParameter, step, range, sharing);
    }
}
