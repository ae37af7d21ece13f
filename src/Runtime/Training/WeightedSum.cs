using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Joins batches to one step by their weights. These are taken relative to the first's, so that equal ones change no
/// bit of a plain mean, and the gradients are scaled once, when all weights are known.
/// </summary>
/// <param name="batches">How many batches there are.</param>
internal sealed class WeightedSum(int batches)
{
    private double first, sum;

    /// <summary>The mean loss, once it is normalized; 0 if no batch has a weight.</summary>
    public double Loss { get; private set; }

    /// <summary>Whether no batch has a weight, so that there is nothing to learn from.</summary>
    public bool IsEmpty => sum == 0;

    /// <summary>Takes up a batch; what is to be run backward.</summary>
    public Tensor Add(Tensor mean, double value, double weight)
    {
        first = first == 0 ? weight : first;
        var ratio = weight / first;
        sum += ratio;
        Loss += ratio * value / batches;
        return (ratio == 1 ? mean : mean * ratio) / batches;
    }

    /// <summary>Makes means of the sums.</summary>
    public void Normalize(IReadOnlyList<TrainedParameter> parameters)
    {
        if (!IsEmpty && sum != batches)
        {
            Loss *= batches / sum;
            foreach (var parameter in parameters)
            {
                parameter.Value.grad?.mul_(batches / sum);
            }
        }
    }
}
