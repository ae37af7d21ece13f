using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// In training, zeroes each entry with a probability and scales the others up; otherwise the identity.
/// </summary>
public sealed class Dropout : Layer
{
    private readonly double probability;

    internal Dropout(string name, double probability)
        : base(name)
    {
        if (probability is not (>= 0 and < 1))
        {
            throw new ArgumentException(
                $"Dropout probability {probability} of layer '{name}' is not in 0 to 1 (1 excluded).",
                    nameof(probability));
        }

        this.probability = probability;
    }

    /// <summary>x of any shape to the same shape.</summary>
    public override Tensor forward(Tensor x) => nn.functional.dropout(x, probability, training);
}
