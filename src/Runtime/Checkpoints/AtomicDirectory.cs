namespace Marrow.Checkpoints;

/// <summary>A folder that is replaced as a whole.</summary>
internal static class AtomicDirectory
{
    /// <summary>
    /// Fills a new folder beside <paramref name="path"/> and, if that succeeds, puts it in its place; what was there
    /// before is deleted. If anything fails, the old folder stays as it was.
    /// </summary>
    /// <param name="path">The folder to create or replace.</param>
    /// <param name="fill">Writes the files into the folder that it is given.</param>
    public static void Write(string path, Action<string> fill)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var unique = $"{path}.{Guid.NewGuid():N}";
        var (fresh, old) = ($"{unique}.tmp", $"{unique}.old");
        Directory.CreateDirectory(fresh);
        try
        {
            fill(fresh);
            if (Directory.Exists(path)) Directory.Move(path, old);
            try
            {
                Directory.Move(fresh, path);
            }
            catch
            {
                if (Directory.Exists(old)) Directory.Move(old, path);
                throw;
            }
        }
        catch
        {
            Directory.Delete(fresh, recursive: true);
            throw;
        }
        if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
    }
}
