using Marrow.Models;

namespace Marrow.Language;

/// <summary>What a model does with held-out texts.</summary>
/// <param name="Loss">Mean loss of their learned tokens; null if there are none.</param>
/// <param name="Solved">Held-out problems with what the model wrote; empty if none were solved.</param>
public sealed record FineTuningScore(double? Loss, IReadOnlyList<SolvedProblem> Solved)
{
    /// <summary>The share of problems whose final answer is right; null if none were solved.</summary>
    public double? Accuracy =>
        Solved.Count > 0 ? (double)Solved.Count(problem => problem.IsSolved) / Solved.Count : null;

    /// <summary>The perplexity of the learned tokens.</summary>
    public double? Perplexity => Loss is { } loss ? Math.Exp(loss) : null;

    /// <summary>Measures a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="encoder">How problems are written for it; null: they are not solved.</param>
    /// <param name="batch">Texts at a time.</param>
    /// <param name="solvedAtOnce">Problems at a time.</param>
    /// <param name="stop">Stops between two tokens.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static FineTuningScore Of(
        ICausalModel model,
        TextSplit texts,
        IInstructionEncoder? encoder,
        int batch,
        int solvedAtOnce = 64,
        CancellationToken stop = default)
    {
        IReadOnlyList<SolvedProblem> solved = [];
        if (encoder is not null && texts.Problems.Count > 0)
        {
            var longest = texts.HeldOut.Max(text => text.Learned.Count(learned => learned));
            solved = new ProblemSolving(model, encoder, FinalAnswer.IsSolved).Solve(
                texts.Problems, longest, solvedAtOnce, stop: stop);
            stop.ThrowIfCancellationRequested();
        }

        return new(texts.HeldOut.Count > 0 ? TextLoss.Of(model, texts.HeldOut, batch, stop: stop) : null, solved);
    }
}
