using System.Text;
using Marrow.Models;

namespace Marrow.Language;

/// <summary>A problem that a model solved or not.</summary>
/// <param name="Problem">The problem with its reference solution.</param>
/// <param name="Solution">What the model wrote.</param>
/// <param name="IsSolved">Whether its final answer is right.</param>
public sealed record SolvedProblem(Instruction Problem, string Solution, bool IsSolved);

/// <summary>Lets a model solve problems, many at a time, decoding greedily.</summary>
/// <param name="model">The model.</param>
/// <param name="encoder">How problems are written for it.</param>
/// <param name="isSolved">
/// Judges a solution by the reference: <see cref="FinalAnswer.IsSolved"/>, <see cref="FinalAnswer.IsGsm8kSolved"/> or
/// <see cref="FinalAnswer.IsMathSolved"/>.
/// </param>
/// <param name="stops">Texts before which a solution ends; those of the encoder's template if not given.</param>
public sealed class ProblemSolving(
    ICausalModel model,
    IInstructionEncoder encoder,
    Func<string, string, bool> isSolved,
    IReadOnlyList<string>? stops = null)
{
    private readonly IReadOnlyList<string> stops = stops ?? encoder.Stops;

    /// <summary>Solves problems; those of about equal length in one batch.</summary>
    /// <param name="problems">The problems.</param>
    /// <param name="count">The most tokens of a solution.</param>
    /// <param name="batch">Problems at a time.</param>
    /// <param name="report">Told how many are done and how many of these are solved, after every batch.</param>
    /// <param name="stop">Stops between two tokens; what is judged by then is returned.</param>
    /// <returns>In the order of the problems.</returns>
    /// <exception cref="TextDataException">A problem leaves no room for an answer in the model's context.</exception>
    /// <exception cref="ArithmeticException">The model's logits hold NaN.</exception>
    public IReadOnlyList<SolvedProblem> Solve(
        IReadOnlyList<Instruction> problems, int count, int batch = 16, Action<int, int>? report = null,
            CancellationToken stop = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        var prompts = problems
            .Select((problem, index) => (Index: index, Ids: encoder.EncodePrompt(problem)))
            .OrderBy(prompt => prompt.Ids.Length)
            .ToList();
        RequireRoom(problems, prompts);
        var wasTraining = model.Module.training;
        model.Module.eval();
        var solved = new SolvedProblem?[problems.Count];
        try
        {
            foreach (var chunk in prompts.Chunk(batch))
            {
                var texts = Generation.Continue(
                    model,
                    [.. chunk.Select(prompt => prompt.Ids)],
                    new(count, encoder.Ends, IsDone: EndsInStop),
                    stop);
                if (stop.IsCancellationRequested)
                {
                    break;
                }

                foreach (var ((index, prompt), text) in chunk.Zip(texts))
                {
                    var solution = BeforeStop(encoder.Decode(text[prompt.Length..]));
                    solved[index] = new(problems[index], solution, isSolved(solution, problems[index].Response));
                }

                report?.Invoke(
                    solved.Count(problem => problem is not null),
                    solved.Count(problem => problem is { IsSolved: true }));
            }
        }
        finally
        {
            model.Module.train(wasTraining);
        }

        return [.. solved.OfType<SolvedProblem>()];
    }

    private void RequireRoom(IReadOnlyList<Instruction> problems, IReadOnlyList<(int Index, int[] Ids)> prompts)
    {
        if (prompts.Count > 0 && prompts[^1] is var (index, ids) && ids.Length >= model.Context)
        {
            throw new TextDataException(
                $"{problems[index].Source ?? $"Problem {index} (counted from 0)"}: its prompt has {ids.Length} tokens, "
                + $"which leave no room for an answer in the model's context of {model.Context}; leave it out, or use "
                + "a model with a longer one.");
        }
    }

    // The texts' last tokens are enough: a token is one byte or more.
    private bool EndsInStop(IReadOnlyList<int> ids)
    {
        var longest = stops.Select(Encoding.UTF8.GetByteCount).DefaultIfEmpty().Max();
        var last = encoder.Decode(ids.Skip(ids.Count - longest - 1));
        return stops.Any(stop => last.Contains(stop, StringComparison.Ordinal));
    }

    private string BeforeStop(string solution) =>
        stops.Aggregate(solution, (text, stop) => text.Split(stop, 2)[0]);
}
