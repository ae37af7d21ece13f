namespace Marrow;

/// <summary>
/// A checkpoint cannot be read or written. The message names the file, what is wrong, where, and what to do.
/// </summary>
public sealed class CheckpointException : Exception
{
    private const int LongestQuote = 120, MostProblems = 3;

    /// <param name="path">File or folder of the checkpoint.</param>
    /// <param name="problem">What is wrong and where, without a full stop.</param>
    /// <param name="remedy">What a person can do, without a full stop.</param>
    /// <param name="cause">The exception behind it, if any.</param>
    public CheckpointException(string path, string problem, string remedy, Exception? cause = null)
        : base($"{path}: {problem}; {remedy}.", cause)
    {
    }

    /// <summary>Writes, and turns a failure of the disk into this exception.</summary>
    internal static void Guard(string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                path,
                $"it cannot be written ({error.Message})",
                "free space or choose another folder; what was there before is unchanged",
                error);
        }
    }

    /// <summary>The first of some problems, and how many more there are.</summary>
    internal static string Join(IReadOnlyCollection<string> problems) =>
        string.Join("; ", problems.Take(MostProblems))
        + (problems.Count > MostProblems ? $"; and {problems.Count - MostProblems} more" : "");

    /// <summary>
    /// A name out of a file, which may be hostile, made fit for a message: short, printable, in quotes.
    /// </summary>
    internal static string Quote(string name)
    {
        var printable = string.Concat(
            name.Take(LongestQuote).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
        return name.Length > LongestQuote ? $"'{printable}…'" : $"'{printable}'";
    }
}
