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
            if (UserCache.Folder is { } cache
                && UserCache.TryStore(cache, $"libLibTorchSharp-{key}.so", patched) is { } cached)
            {
                return SharedLibrary.Load(cached, remedy, bindNow: true);
            }

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
}
