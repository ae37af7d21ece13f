using System.Runtime.InteropServices;

namespace Marrow.Native;

/// <summary>The C++ runtime of the system.</summary>
internal static partial class LibStdCpp
{
    /// <summary>The version that TorchSharp's Linux library asks for, and the only symbol it wants from it.</summary>
    public const string Library = "libstdc++.so.6", Version = "GLIBCXX_3.4.32", Symbol = "_ZSt21ios_base_library_initv";

    /// <summary>
    /// Whether this process's libstdc++ is GCC 13's or newer (Debian 12 and Ubuntu 22.04 have GCC 12's).
    /// </summary>
    public static bool HasIostreamInit() =>
        NativeLibrary.TryLoad(Library, out var handle) && dlvsym(handle, Symbol, Version) != 0;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlvsym(nint handle, string symbol, string version);
}
