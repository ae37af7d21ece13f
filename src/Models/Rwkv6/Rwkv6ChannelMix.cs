using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>
/// RWKV-6's feed-forward network: <c>sigmoid(R x_r) ∘ V relu(K x_k)²</c> on tokens mixed with the ones before.
/// </summary>
/// <param name="width">Width of the residual stream.</param>
/// <param name="inner">Width between the layers.</param>
[Model]
public partial class Rwkv6ChannelMix(int width, int inner)
{
    /// <summary>Mixing for the key.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaK { get; }

    /// <summary>Mixing for the receptance.</summary>
    [Parameter(1, 1, nameof(width))]
    public partial Tensor TimeMaaR { get; }

    /// <summary>K.</summary>
    [Linear(nameof(width), nameof(inner), Bias = false)]
    public partial Linear Key { get; }

    /// <summary>R.</summary>
    [Linear(nameof(width), nameof(width), Bias = false)]
    public partial Linear Receptance { get; }

    /// <summary>V.</summary>
    [Linear(nameof(inner), nameof(width), Bias = false)]
    public partial Linear Value { get; }

    /// <summary>x [batch, tokens, width] to the same shape, from an empty past.</summary>
    [Forward]
    private Tensor Network(Tensor x) => Mix(x, null);

    /// <summary>The same from a past.</summary>
    /// <param name="x">[batch, tokens, width].</param>
    /// <param name="previous">x of the token before, [batch, width], or null.</param>
    internal Tensor Mix(Tensor x, Tensor? previous)
    {
        var difference = TokenShift.Difference(x, previous);
        var key = relu(Key.call(x + (difference * TimeMaaK))).square();
        return Receptance.call(x + (difference * TimeMaaR)).sigmoid() * Value.call(key);
    }
}
