using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A table of vectors looked up by id: weight [count, dim], normal at the start.</summary>
public class Embedding : Layer
{
    /// <summary>Makes the layer on its site's device; on the meta device it is shapes only.</summary>
    public Embedding(EmbeddingSite site)
        : base(site.Name)
    {
        (Count, Dim, PaddingIndex) = (site.Count, site.Dim, site.PaddingIndex);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weight = Initial.Of(
            site.Init ?? new(ParameterInit.Normal, 1), [site.Count, site.Dim], site.Dtype, site.Device);
        if (site is { PaddingIndex: { } padding, Device.type: not TorchSharp.DeviceType.META })
        {
            weight[padding].zero_();
        }

        Add("weight", weight, trainable: true);
    }

    /// <summary>Number of ids.</summary>
    public long Count { get; }

    /// <summary>Length of a vector.</summary>
    public long Dim { get; }

    /// <summary>The id whose vector is not trained, or null.</summary>
    public long? PaddingIndex { get; }

    /// <summary>The table, [count, dim].</summary>
    public Parameter Weight => GetParameter("weight");

    /// <summary>Ids [...] to vectors [..., dim].</summary>
    public override Tensor forward(Tensor ids) => Rows(Weight, ids);

    /// <summary>Rows [..., dim] of a table that stands in for the layer's own, [count, dim], by ids [...].</summary>
    private protected Tensor Rows(Tensor table, Tensor ids)
    {
        using var scope = NewDisposeScope();
        var rows = table.index_select(0, ids.flatten()).view([.. ids.shape, -1]);
        if (PaddingIndex is { } padding && rows.requires_grad)
        {
            rows = rows.where((ids != padding).unsqueeze(-1), rows.detach()); // no gradient for the padding's vector
        }

        return scope.MoveToOuter(rows);
    }

    private protected override string? Wanted(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var areIds = ids.dtype is ScalarType.Int64 or ScalarType.Int32;
        return areIds && !((ids < 0) | (ids >= Count)).any().item<bool>()
            ? null
            : $"ids (Int64) from 0 to {Count - 1}";
    }
}
