using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A table of vectors looked up by id: weight [count, dim], normal at the start.</summary>
public sealed class Embedding : Layer
{
    internal Embedding(string name, long count, long dim, ScalarType dtype, Device device)
        : base(name)
    {
        (Count, Dim) = (count, dim);
        using var scope = NewDisposeScope();
        Add("weight", Initial.Normal([count, dim], 1, dtype, device), trainable: true);
    }

    /// <summary>Number of ids.</summary>
    public long Count { get; }

    /// <summary>Length of a vector.</summary>
    public long Dim { get; }

    /// <summary>The table, [count, dim].</summary>
    public Parameter Weight => GetParameter("weight");

    /// <summary>Ids [...] to vectors [..., dim].</summary>
    public override Tensor forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Weight.index_select(0, ids.flatten()).view([.. ids.shape, -1]));
    }

    private protected override string? Wanted(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return ids.dtype is ScalarType.Int64 or ScalarType.Int32 && ((ids < 0) | (ids >= Count)).any().item<bool>() is false
            ? null
            : $"ids (Int64) from 0 to {Count - 1}";
    }
}
