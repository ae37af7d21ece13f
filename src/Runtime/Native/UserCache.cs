namespace Marrow.Native;

/// <summary>Files that are made once for a user, and again if they are gone.</summary>
internal static class UserCache
{
    /// <summary>Marrow's folder in the user's cache; null where there is none.</summary>
    public static string? Folder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } cache && Path.IsPathRooted(cache))
                return Path.Combine(cache, "marrow");
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            return home == "" ? null : Path.Combine(home, ".cache", "marrow");
        }
    }

    /// <summary>
    /// Path of a file in <paramref name="folder"/> that holds exactly <paramref name="content"/>; it is written, or
    /// written anew if it differs. Null if the folder cannot be written.
    /// </summary>
    public static string? TryStore(string folder, string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content)) return path;
            Directory.CreateDirectory(folder);
            // Another process may do the same now: each writes its own file, and the last rename wins.
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
            return path;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            try { File.Delete(temporary); }
            catch (Exception again) when (again is IOException or UnauthorizedAccessException) { }
            return null;
        }
    }
}
