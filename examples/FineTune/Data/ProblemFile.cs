using Marrow.Language;

namespace Marrow.Examples.FineTune.Data;

/// <summary>Problems to train on and to hold out.</summary>
internal static class ProblemFile
{
    /// <summary>
    /// The test.jsonl beside a train.jsonl is held out if there is one, else the last tenth. GSM8K's calculator marks,
    /// which repeat what stands beside them, are left out.
    /// </summary>
    public static (IReadOnlyList<Instruction> Train, IReadOnlyList<Instruction> HeldOut, string Source) Split(
        string path)
    {
        var problems = Read(path);
        var test = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, "test.jsonl");
        if (Path.GetFileName(path) == "train.jsonl" && File.Exists(test))
        {
            return (problems, Read(test), "test.jsonl beside it");
        }

        var (train, heldOut) = TextSplit.HoldOut(problems, 0.1);
        return heldOut.Count > 0
            ? (train, heldOut, "its last tenth")
            : throw new UserException(
                $"{path}: {problems.Count} problems are too few to hold a tenth out; use a file of at least ten.");
    }

    private static List<Instruction> Read(string path)
    {
        var problems = InstructionFile.Read(path)
            .Select(problem => problem with { Response = FinalAnswer.WithoutCalculations(problem.Response) })
            .ToList();
        return problems.Find(problem => FinalAnswer.Of(problem.Response) is null) is { } unmarked
            ? throw new UserException(
                $"{path}: the answer to \"{unmarked.Question}\" has no final answer behind '####' or 'The answer is:', "
                + "nor in \\boxed{}, so it cannot be scored.")
            : problems;
    }
}
