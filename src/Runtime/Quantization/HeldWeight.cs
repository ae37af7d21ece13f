using static TorchSharp.torch;

namespace Marrow.Quantization;

/// <summary>
/// What treatments of oscillation hold in place in one quantized weight. Iterative freezing holds levels: they stay
/// whatever the latent weight and its scale do. CGA of a QKR product holds values: a confident entry of W_qᵀ W_k keeps its
/// value bit for bit, whatever its two factors do. Held entries pass no gradient.
/// </summary>
/// <param name="isOdd">Whether levels are stored as odd numbers p = 2u + 1 (StatsQ).</param>
public sealed class HeldWeight(bool isOdd) : IDisposable
{
    /// <summary>Which entries are held, bool [out, in]; null: none.</summary>
    public Tensor? Mask { get; private set; }

    /// <summary>Their levels u, int8 [out, in]; null if values are held.</summary>
    public Tensor? Levels { get; private set; }

    /// <summary>Their values, [out, in]; null if levels are held.</summary>
    public Tensor? Values { get; private set; }

    /// <summary>Holds levels. Copies both.</summary>
    public void HoldLevels(Tensor mask, Tensor levels) => (Mask, Levels) = (Copy(Mask, mask), Copy(Levels, levels));

    /// <summary>Holds values. Copies both.</summary>
    public void HoldValues(Tensor mask, Tensor values) => (Mask, Values) = (Copy(Mask, mask), Copy(Values, values));

    /// <summary>What is held, by name, for checkpoints.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors
    {
        get
        {
            (string Name, Tensor? Value)[] all = [("mask", Mask), ("levels", Levels), ("values", Values)];
            return all.Where(entry => entry.Value is not null).Select(entry => (entry.Name, entry.Value!));
        }
    }

    /// <summary>Holds what <see cref="Tensors"/> gave; copies it.</summary>
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

    /// <summary>The values that are quantized, with those that are held.</summary>
    public Tensor Hold(Tensor values) => Mask is not null && Values is not null ? where(Mask, Values.view(Mask.shape), values) : values;

    /// <summary>The levels, with those that are held; in place.</summary>
    public WeightLevels Hold(WeightLevels p)
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

    /// <summary>A gradient without that of held entries; in place.</summary>
    public Tensor Live(Tensor gradient) => Mask is not null ? gradient.masked_fill_(Mask, 0) : gradient;

    /// <inheritdoc/>
    public void Dispose() => Release();

    private static Tensor Copy(Tensor? old, Tensor value)
    {
        using var noGrad = no_grad();
        old?.Dispose();
        return value.detach().clone().DetachFromDisposeScope();
    }
}
