using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// What treatments of oscillation freeze in one quantized weight. Iterative freezing freezes codes: they stay whatever
/// the latent weight and its scale do. CGA of a QKR product freezes values: a confident entry of W_qᵀ W_k keeps its
/// value bit for bit, whatever its two factors do. Frozen entries pass no gradient.
/// </summary>
/// <param name="isOdd">Whether levels are stored as odd numbers p = 2u + 1 (StatsQ).</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class FrozenCodes(bool isOdd) : IDisposable
{
    /// <summary>Which entries are frozen, bool [out, in]; null: none.</summary>
    public Tensor? Mask { get; private set; }

    /// <summary>Their codes u, int8 [out, in]; null if values are frozen.</summary>
    public Tensor? Levels { get; private set; }

    /// <summary>Their values, [out, in]; null if codes are frozen.</summary>
    public Tensor? Values { get; private set; }

    /// <summary>Freezes codes. Copies both.</summary>
    public void FreezeCodes(Tensor mask, Tensor levels) => (Mask, Levels) = (Copy(Mask, mask), Copy(Levels, levels));

    /// <summary>Freezes values. Copies both.</summary>
    public void FreezeValues(Tensor mask, Tensor values) => (Mask, Values) = (Copy(Mask, mask), Copy(Values, values));

    /// <summary>What is frozen, by name, for checkpoints.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors
    {
        get
        {
            (string Name, Tensor? Value)[] all = [("mask", Mask), ("levels", Levels), ("values", Values)];
            return all.Where(entry => entry.Value is not null).Select(entry => (entry.Name, entry.Value!));
        }
    }

    /// <summary>Freezes what <see cref="Tensors"/> gave; copies it.</summary>
    public void Restore(IReadOnlyDictionary<string, Tensor> tensors)
    {
        Release();
        (Mask, Levels, Values) = (Find("mask"), Find("levels"), Find("values"));

        Tensor? Find(string name) => tensors.TryGetValue(name, out var tensor) ? Copy(null, tensor) : null;
    }

    /// <summary>Lets go of everything.</summary>
    public void Release()
    {
        Mask?.Dispose();
        Levels?.Dispose();
        Values?.Dispose();
        (Mask, Levels, Values) = (null, null, null);
    }

    /// <summary>The values that are quantized, with those that are frozen.</summary>
    public Tensor Apply(Tensor values) =>
        Mask is not null && Values is not null ? where(Mask, Values.view(Mask.shape), values) : values;

    /// <summary>The codes, with those that are frozen; in place.</summary>
    public WeightLevels Apply(WeightLevels p)
    {
        if (Mask is not null && Levels is not null)
        {
            using var scope = NewDisposeScope();
            var levels = isOdd && !p.IsHalved ? Levels.mul(2).add_(1) : Levels;
            p.Stored.copy_(where(Mask, levels, p.Stored));
            return p with { Span = null }; // levels may come from a checkpoint
        }

        return p;
    }

    /// <summary>A gradient without that of frozen entries; in place.</summary>
    public Tensor MaskGradient(Tensor gradient) => Mask is not null ? gradient.masked_fill_(Mask, 0) : gradient;

    /// <inheritdoc/>
    public void Dispose() => Release();

    private static Tensor Copy(Tensor? old, Tensor value)
    {
        using var noGrad = no_grad();
        old?.Dispose();
        return value.detach().clone().DetachFromDisposeScope();
    }
}
