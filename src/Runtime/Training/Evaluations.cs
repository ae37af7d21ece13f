using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What a training measured so far, and the state that was best, if it is to be kept.</summary>
/// <param name="model">The model.</param>
/// <param name="options">How it is measured.</param>
internal sealed class Evaluations(IModel model, Evaluation options) : IDisposable
{
    private const string ScoresName = "scores", BestPrefix = "best.";

    private readonly List<double> scores = [];
    private readonly Dictionary<string, Tensor> best = [];

    /// <summary>All scores in order.</summary>
    public IReadOnlyList<double> Scores => scores;

    /// <summary>Which score is the best; null if there is none that is a number.</summary>
    public int? Best { get; private set; }

    /// <summary>Whether there was no better score for as long as one waits.</summary>
    public bool IsExhausted => options.Patience is { } patience && scores.Count - 1 - (Best ?? -1) >= patience;

    /// <summary>Measures the model as it is now.</summary>
    public double Take()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var score = options.Measure();
        if (Note(score) && options.Patience is not null)
        {
            foreach (var tensor in Changing())
            {
                if (best.TryGetValue(tensor.Name, out var kept))
                {
                    kept.copy_(tensor.Value);
                }
                else
                {
                    best.Add(tensor.Name, tensor.Value.detach().clone().DetachFromDisposeScope());
                }
            }
        }

        return score;
    }

    /// <summary>Gives the model the best state, if one was kept.</summary>
    public void UseBest()
    {
        using var noGrad = no_grad();
        foreach (var tensor in Changing().Where(tensor => best.ContainsKey(tensor.Name)))
        {
            tensor.Value.copy_(best[tensor.Name]);
        }
    }

    /// <summary>Everything by name, for checkpoints.</summary>
    public IEnumerable<(string Name, Tensor Value)> Tensors => scores.Count == 0
        ? []
        : best.Select(pair => (BestPrefix + pair.Key, pair.Value)).Prepend((ScoresName, tensor(scores.ToArray())));

    /// <summary>Takes up what <see cref="Tensors"/> gave.</summary>
    public void Restore(IReadOnlyDictionary<string, Tensor> tensors)
    {
        Dispose();
        scores.Clear();
        Best = null;
        if (!tensors.TryGetValue(ScoresName, out var stored))
        {
            return;
        }

        foreach (var score in stored.data<double>())
        {
            Note(score);
        }

        foreach (var (name, value) in tensors.Where(pair => pair.Key != ScoresName))
        {
            best.Add(name[BestPrefix.Length..], value.clone().DetachFromDisposeScope());
        }
    }

    public void Dispose()
    {
        foreach (var tensor in best.Values)
        {
            tensor.Dispose();
        }

        best.Clear();
    }

    /// <summary>Adds a score; whether it is the best so far.</summary>
    private bool Note(double score)
    {
        var isBest = double.IsFinite(score)
            && (Best is not { } index || (options.HigherIsBetter ? score > scores[index] : score < scores[index]));
        scores.Add(score);
        Best = isBest ? scores.Count - 1 : Best;
        return isBest;
    }

    private IEnumerable<StateTensor> Changing() =>
        StateTensor.Of(model).Where(tensor => tensor.IsBuffer || tensor.Value.requires_grad);
}
