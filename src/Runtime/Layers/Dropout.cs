using Marrow.Autograd;
using Marrow.Cuda;
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
    public override Tensor forward(Tensor x) =>
        training && probability > 0 && !EagerMode.IsOn && CudaDropout.For(x) is not null
            ? OperationFunction.Run(new SeededDropout(probability), x)
            : nn.functional.dropout(x, probability, training);

    /// <summary>The kernel's, which keeps a seed in the place of a mask.</summary>
    private sealed class SeededDropout(double probability) : Operation
    {
        public override string Name => "dropout";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (x, seed) = (inputs[0]!, CudaDropout.Seed(inputs[0]!.device));
            saved.Keep(seed);
            return CudaDropout.Apply(CudaDropout.For(x)!, x, seed, probability);
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy) =>
            [CudaDropout.Apply(CudaDropout.For(dy)!, dy, saved[0], probability)];
    }
}
