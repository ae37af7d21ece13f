namespace Marrow.Native;

/// <summary>
/// TorchSharp's Linux library asks for GLIBCXX_3.4.32 because of one symbol that only forces linking ("iostreams are
/// initialized", new in GCC 13) and that nothing calls. Marked weak, the requirement no longer keeps the library from
/// loading on systems with an older libstdc++.
/// </summary>
internal static class WeakVersionPatch
{
    private const byte Weak = 2;

    /// <summary>Marks the requirement weak, one byte; does nothing where it is weak already.</summary>
    /// <param name="library">The library's bytes, changed in place.</param>
    /// <exception cref="InvalidDataException">The library is not as described above; it is left as it was.</exception>
    public static void Apply(Span<byte> library)
    {
        var image = new ElfImage(library);
        var (flags, index) = image.FindVersionNeed(LibStdCpp.Library, LibStdCpp.Version);
        foreach (var (name, used) in image.UndefinedSymbols(index))
        {
            if (name != LibStdCpp.Symbol || used)
                throw new InvalidDataException($"it really uses {name} of {LibStdCpp.Version}");
        }
        library[flags] |= Weak;
    }
}
