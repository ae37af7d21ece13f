using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Cosines and sines of rotary angles (<see cref="RotaryEmbedding"/>), of as many positions as were asked for: today's
/// models may see a hundred thousand tokens, whose table would weigh as much as some of their layers.
/// </summary>
/// <param name="theta">Base of the angles.</param>
/// <param name="width">Components that turn, even.</param>
/// <param name="scaling">How the angles are changed, if they are.</param>
internal sealed class RotaryTable(double theta, int width, RopeScaling? scaling = null)
{
    private const long FirstRows = 64;

    private readonly Lock access = new();
    private Tensor? table;

    /// <summary>Those of some tokens, [2, tokens, width].</summary>
    /// <param name="position">The first one's position.</param>
    /// <param name="tokens">How many.</param>
    /// <param name="like">Says type and device.</param>
    public Tensor At(long position, long tokens, Tensor like)
    {
        var length = position + tokens;
        if (length > scaling?.FixedLength)
        {
            using var scope = NewDisposeScope();
            return scope.MoveToOuter(Compute(length, length, like).narrow(1, position, tokens));
        }

        lock (access)
        {
            if (table is null || table.dtype != like.dtype || table.device != like.device)
            {
                Keep(Math.Max(FirstRows, length), like);
            }
            else if (table.size(1) < length)
            {
                Keep(Math.Max(length, 2 * table.size(1)), like);
            }

            return table!.narrow(1, position, tokens);
        }
    }

    /// <summary>Cosines and sines of all positions before a length.</summary>
    /// <param name="length">Number of positions.</param>
    /// <param name="frequencies">What each pair of components turns by from one position to the next.</param>
    /// <returns>[2, length, 2 · frequencies], float64.</returns>
    public static Tensor Of(long length, double[] frequencies)
    {
        using var scope = NewDisposeScope();
        var half = outer(arange(length, dtype: float64), tensor(frequencies, dtype: float64));
        var angles = cat([half, half], -1);
        return scope.MoveToOuter(stack([angles.cos(), angles.sin()]));
    }

    private void Keep(long rows, Tensor like)
    {
        using var scope = NewDisposeScope();
        var grown = Compute(rows, 0, like).DetachFromDisposeScope();
        table?.Dispose(); // views of it in use live on
        table = grown;
    }

    /// <summary>[2, rows, width], for a sequence of a length.</summary>
    private Tensor Compute(long rows, long length, Tensor like)
    {
        using var noGrad = no_grad();
        var frequencies = scaling?.Frequencies(theta, width, length) ?? RopeScaling.Unscaled(theta, width);
        return (Of(rows, frequencies) * (scaling?.Magnitude ?? 1)).to(like.dtype).to(like.device);
    }
}
