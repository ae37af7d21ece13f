using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// The last dimension of x [n, in] cut in shards x_i of length r: sums and repetition, where the last may be short.
/// For explicit backwards: in autograd's eyes these are plain operations.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class Shards
{
    /// <summary><c>S(x)_k</c> = sum of x_j over all j with j mod r = k.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="length">r.</param>
    /// <returns>S(x) [n, r].</returns>
    public static Tensor Sum(Tensor x, long length)
    {
        var features = x.size(1);
        using var scope = NewDisposeScope();
        var whole = features / length * length;
        var sum = x.narrow(1, 0, whole).unflatten(1, [-1, length]).sum([1]);
        if (whole < features)
        {
            sum.narrow(1, 0, features - whole).add_(x.narrow(1, whole, features - whole));
        }

        return scope.MoveToOuter(sum);
    }

    /// <summary>Adds a shard to every shard of x, in place: the transpose of <see cref="Sum"/>.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="shard">[n, r].</param>
    public static void AddTiled(Tensor x, Tensor shard)
    {
        var (features, length) = (x.size(1), shard.size(1));
        using var scope = NewDisposeScope();
        var whole = features / length * length;
        x.narrow(1, 0, whole).unflatten(1, [-1, length]).add_(shard.unsqueeze(1));
        if (whole < features)
        {
            x.narrow(1, whole, features - whole).add_(shard.narrow(1, 0, features - whole));
        }
    }

    /// <summary>As the other, through a dropout mask: what was dropped gets nothing.</summary>
    /// <param name="x">[n, in].</param>
    /// <param name="shard">[n, r].</param>
    /// <param name="mask">From <see cref="DropoutMask.Draw"/> for [n, in]; null outside training.</param>
    /// <param name="probability">Probability the mask was drawn with.</param>
    public static void AddTiled(Tensor x, Tensor shard, Tensor? mask, double probability)
    {
        if (mask is null)
        {
            AddTiled(x, shard);
            return;
        }

        using var scope = NewDisposeScope();
        if (DropoutMask.IsSeed(mask))
        {
            var tiled = zeros_like(x);
            AddTiled(tiled, shard);
            x.add_(DropoutMask.Apply(tiled, mask, probability));
            return;
        }

        var (features, length) = (x.size(1), shard.size(1));
        var whole = features / length * length;
        var scaled = shard * (1 / (1 - probability));
        x.narrow(1, 0, whole).unflatten(1, [-1, length])
            .add_(mask.narrow(1, 0, whole).unflatten(1, [-1, length]) * scaled.unsqueeze(1));
        if (whole < features)
        {
            x.narrow(1, whole, features - whole)
                .add_(mask.narrow(1, whole, features - whole) * scaled.narrow(1, 0, features - whole));
        }
    }
}
