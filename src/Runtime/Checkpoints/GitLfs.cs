namespace Marrow.Checkpoints;

/// <summary>
/// Pointers of Git LFS: what a clone holds in the place of a large file until the file itself is fetched.
/// </summary>
internal static class GitLfs
{
    /// <summary>What is wrong, for messages.</summary>
    public const string Problem = "it is a pointer of Git LFS, not the file itself";

    /// <summary>What to do about it.</summary>
    public const string Remedy = "fetch the file with 'git lfs pull'";

    private const int LongestPointer = 1024;

    /// <summary>Refuses a pointer.</summary>
    /// <exception cref="CheckpointException">The file is one.</exception>
    public static void RequireContent(string path)
    {
        if (IsPointer(path))
        {
            throw new CheckpointException(path, Problem, Remedy);
        }
    }

    /// <summary>Whether a file is a pointer; false if it cannot be read.</summary>
    public static bool IsPointer(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.Length > LongestPointer)
        {
            return false;
        }

        try
        {
            return File.ReadAllBytes(path).AsSpan().StartsWith("version https://git-lfs.github.com/spec/"u8);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
