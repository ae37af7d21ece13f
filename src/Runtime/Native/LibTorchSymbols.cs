namespace Marrow.Native;

/// <summary>
/// Whether a libtorch of another version has what TorchSharp's library calls. C++ names hold their arguments' types, so
/// a function that changed is missing too.
/// </summary>
internal static class LibTorchSymbols
{
    private const int Unversioned = 0, Named = 3;

    /// <summary>Initializers of thread-local variables, which only those have that need one.</summary>
    private const string ThreadLocal = "_ZTH";

    /// <summary>Refuses a libtorch that lacks something.</summary>
    /// <param name="torchSharp">TorchSharp's native library, an ELF file.</param>
    /// <param name="isExported">Whether the libtorch that is loaded has a symbol.</param>
    /// <param name="location">Where it is, for the message.</param>
    /// <exception cref="NativeLoadException">It lacks some; the message names them.</exception>
    public static void Require(
        ReadOnlySpan<byte> torchSharp, Func<string, bool> isExported, LibTorchLocation location)
    {
        var needed = new ElfImage(torchSharp).UndefinedSymbols(Unversioned)
            .Select(symbol => symbol.Name)
            .Where(name => name.StartsWith("_Z", StringComparison.Ordinal)
                && !name.StartsWith(ThreadLocal, StringComparison.Ordinal))
            .ToList();
        var missing = needed.Where(name => !isExported(name)).ToList();
        if (missing.Count > 0)
        {
            throw new NativeLoadException(
                $"{location.Directory} holds a libtorch that TorchSharp cannot use",
                $"it lacks {missing.Count} of the {needed.Count} functions that TorchSharp calls: "
                + string.Join(", ", missing.Take(Named)) + (missing.Count > Named ? ", …" : ""),
                location.Remedy);
        }
    }
}
