using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Sequences that grow token by token, all equally long, with what the model keeps of their past. Without gradients.
/// <see cref="CachedDecoding"/> is that of attention; a model that keeps something else derives its own, whose tensors
/// must be out of dispose scopes (<c>DetachFromDisposeScope</c>).
/// </summary>
/// <param name="batch">How many sequences.</param>
public abstract class Decoding(int batch) : IDisposable
{
    /// <summary>How many sequences there are.</summary>
    public int Batch { get; private set; } = batch;

    /// <summary>How many tokens each has.</summary>
    public long Length { get; private set; }

    /// <summary>Appends tokens.</summary>
    /// <param name="ids">[batch, tokens], on the model's device.</param>
    /// <returns>Logits behind the last of them, [batch, vocabulary]; the caller owns them.</returns>
    /// <exception cref="ArgumentException">The batch is another, or the sequences outgrow the model's
    /// context.</exception>
    public Tensor Append(Tensor ids)
    {
        if (ids.dim() != 2 || ids.shape[0] != Batch || ids.shape[1] == 0)
        {
            throw new ArgumentException(
                $"Decoding takes ids [{Batch}, tokens]; these are [{string.Join(", ", ids.shape)}].", nameof(ids));
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var logits = Run(ids);
        Length += ids.shape[1];
        return scope.MoveToOuter(logits);
    }

    /// <summary>Goes on with some of the sequences only, in this order.</summary>
    /// <param name="rows">Their present numbers.</param>
    public void Keep(IReadOnlyList<int> rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        KeepRows(tensor(rows.Select(row => (long)row).ToArray()));
        Batch = rows.Count;
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Takes up the next tokens, which follow the <see cref="Length"/> former ones.</summary>
    /// <param name="ids">[batch, tokens].</param>
    /// <returns>Logits behind the last of them, [batch, vocabulary].</returns>
    protected abstract Tensor Run(Tensor ids);

    /// <summary>Goes on with some of the sequences only, in this order.</summary>
    /// <param name="rows">Their present numbers, [rows], int64, on the CPU.</param>
    protected abstract void KeepRows(Tensor rows);
}
