using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Language;

/// <summary>How well a model predicts texts that it is not trained on.</summary>
public static class TextLoss
{
    /// <summary>
    /// The mean loss of the learned tokens of all texts, in nats; its exponential is the perplexity. The model is in
    /// evaluation mode meanwhile.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="batch">Texts at a time.</param>
    /// <param name="report">Told how many batches are done, and of how many.</param>
    /// <param name="stop">Stops between two batches.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static double Of(
        ICausalModel model,
        IReadOnlyList<TokenizedText> texts,
        int batch = 16,
        Action<int, int>? report = null,
        CancellationToken stop = default)
    {
        var (device, wasTraining) = (model.Module.parameters().First().device, model.Module.training);
        var batches = new TextBatches(texts, batch, seed: 0);
        var (sum, tokens) = (0.0, 0L);
        model.Module.eval();
        try
        {
            using var noGrad = no_grad();
            for (var number = 0; number < batches.Count; number++)
            {
                stop.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var part = batches[number, device];
                sum += TextTraining.Loss(model, part).item<float>() * part.Learned;
                tokens += part.Learned;
                report?.Invoke(number + 1, batches.Count);
            }
        }
        finally
        {
            model.Module.train(wasTraining);
        }

        return sum / tokens;
    }
}
