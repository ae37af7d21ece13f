using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Joins batches to one step by their weights. These are taken relative to the first's, so that equal ones change no
/// bit of a plain mean, and the gradients are scaled once, when all weights are known. Losses stay on their device
/// until <see cref="Read"/>.
/// </summary>
/// <param name="batches">How many batches there are.</param>
internal sealed class WeightedSum(int batches)
{
    private readonly List<(long Number, Tensor Mean, double Ratio)> parts = [];
    private double first, sum;

    /// <summary>Whether no batch has a weight, so that there is nothing to learn from.</summary>
    public bool IsEmpty => sum == 0;

    /// <summary>Takes up a batch, in the outer dispose scope; what is to be run backward.</summary>
    public Tensor Add(long number, Tensor mean, double weight)
    {
        first = first == 0 ? weight : first;
        var ratio = weight / first;
        sum += ratio;
        parts.Add((number, mean.detach().to(ScalarType.Float64).view(1).MoveToOuterDisposeScope(), ratio));
        return (ratio == 1 ? mean : mean * ratio) / batches;
    }

    /// <summary>Makes means of the gradients' sums.</summary>
    public void Normalize(IReadOnlyList<TrainedParameter> parameters)
    {
        if (!IsEmpty && sum != batches)
        {
            foreach (var parameter in parameters)
            {
                parameter.Value.grad?.mul_(batches / sum);
            }
        }
    }

    /// <summary>The mean loss and the gradients' norm: the one time that a step waits for its device.</summary>
    /// <param name="norm">A scalar.</param>
    /// <returns>Both, and the number of the first batch whose loss is not finite, or null.</returns>
    public (double Loss, double Norm, long? Fault) Read(Tensor norm)
    {
        using var scope = NewDisposeScope();
        var numbers = cat([.. parts.Select(part => part.Mean), norm.to(ScalarType.Float64).view(1)])
            .cpu().data<double>().ToArray();
        var means = numbers.AsSpan(..^1);
        var loss = 0.0;
        for (var i = 0; i < means.Length; i++)
        {
            loss += parts[i].Ratio * means[i] / batches;
        }

        var fault = means.IndexOfAnyExceptInRange(double.MinValue, double.MaxValue);
        return (sum == batches ? loss : loss * (batches / sum), numbers[^1], fault < 0 ? null : parts[fault].Number);
    }
}
