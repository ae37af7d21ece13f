using System.Security.Cryptography;

namespace Marrow.Native;

/// <summary>
/// Loads a copy of TorchSharp's library with <see cref="WeakVersionPatch"/> applied; the original is never touched.
/// </summary>
internal static class PatchedLibrary
{
    /// <exception cref="NativeLoadException">The library cannot be patched, or its copy does not load.</exception>
    public static nint Load(string source, string remedy)
    {
        try
        {
            var patched = File.ReadAllBytes(source);
            var key = Convert.ToHexStringLower(SHA256.HashData(patched));
            WeakVersionPatch.Apply(patched);
            if (CacheFolder() is { } cache && TryStore(cache, key, patched) is { } cached)
                return SharedLibrary.Load(cached, remedy, bindNow: true);

            // No place to keep it: a private folder that nobody else can write to, gone as soon as the library is
            // mapped.
            var temporary = Directory.CreateTempSubdirectory("marrow-");
            try
            {
                var path = Path.Combine(temporary.FullName, Path.GetFileName(source));
                File.WriteAllBytes(path, patched);
                return SharedLibrary.Load(path, remedy, bindNow: true);
            }
            finally
            {
                temporary.Delete(recursive: true);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new NativeLoadException($"could not load {source}",
                $"the system's {LibStdCpp.Library} lacks {LibStdCpp.Version}, and a copy without that requirement " +
                $"could not be made: {error.Message}",
                "make the cache or the temporary folder writable, or use a system with GCC 13's libstdc++ or newer.");
        }
    }

    /// <summary>The user's cache folder; null where there is none.</summary>
    private static string? CacheFolder()
    {
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } cache && Path.IsPathRooted(cache))
            return Path.Combine(cache, "marrow");
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home == "" ? null : Path.Combine(home, ".cache", "marrow");
    }

    /// <summary>
    /// Path of a file in <paramref name="folder"/>, named by <paramref name="key"/>, that holds exactly
    /// <paramref name="content"/>; it is written, or written anew if it differs. Null if the folder cannot be written.
    /// </summary>
    internal static string? TryStore(string folder, string key, byte[] content)
    {
        var path = Path.Combine(folder, $"libLibTorchSharp-{key}.so");
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
