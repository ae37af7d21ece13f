using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A table of vectors looked up by id: weight [count, dim], normal at the start.</summary>
public sealed class Embedding : Layer
{
    internal Embedding(
        string name,
        long count,
        long dim,
        ScalarType dtype,
        Device device,
        long? paddingIndex = null,
        Initialization? init = null)
        : base(name)
    {
        (Count, Dim, PaddingIndex) = (count, dim, paddingIndex);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weight = Initial.Of(init ?? new(ParameterInit.Normal, 1), [count, dim], dtype, device);
        if (paddingIndex is { } padding && device.type != TorchSharp.DeviceType.META)
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
    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var rows = Weight.index_select(0, ids.flatten()).view([.. ids.shape, -1]);
        if (PaddingIndex is { } padding && rows.requires_grad)
        {
            rows = rows.where((ids != padding).unsqueeze(-1), rows.detach()); // no gradient for the padding's vector
        }

        return scope.MoveToOuter(rows);
    }

    private protected override string? Wanted(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return ids.dtype is ScalarType.Int64 or ScalarType.Int32 && ((ids < 0) | (ids >= Count)).any().item<bool>() is false
            ? null
            : $"ids (Int64) from 0 to {Count - 1}";
    }
}
