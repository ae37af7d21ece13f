using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Marrow.Native;
using TorchSharp;

namespace Marrow.CompilerServices;

/// <summary>
/// Loads libtorch and TorchSharp's own native library, by absolute path and before TorchSharp looks for them.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class NativeLibraries
{
    private const string TorchSharpName = LibTorchLocation.TorchSharpName;
    private static readonly Lock Gate = new();
    private static bool tried;

    /// <summary>Why loading failed, as printed on standard error; null while nothing has failed.</summary>
    public static string? Failure { get; private set; }

    /// <summary>
    /// Loads the libraries once per process. Every executable does this when it starts (build/NativeInitializer.cs).
    /// Never throws: a failure is printed on standard error, and the first use of torch throws a
    /// <see cref="DllNotFoundException"/> with the same text.
    /// </summary>
    public static void Load()
    {
        lock (Gate)
        {
            if (tried) return;
            tried = true;
            try
            {
                GlibcMalloc.KeepLargeBlocks();
                LoadAll();
            }
            catch (Exception error)
            {
                Failure = error is NativeLoadException ? error.Message : $"Marrow: loading libtorch failed.\n{error}";
                Console.Error.WriteLine(Failure);
                SilenceTorchSharp(Failure);
            }
        }
    }

    private static void LoadAll()
    {
        var location = LibTorchLocation.Find();
        var loaded = new Dictionary<string, nint>();
        foreach (var name in location.Libraries)
            loaded[name] = SharedLibrary.Load(
                Path.Combine(location.Directory, LibTorchLocation.FileName(name)), location.Remedy);

        var torchSharp = Path.Combine(location.TorchSharpDirectory, LibTorchLocation.FileName(TorchSharpName));
        if (location.Warning is not null && OperatingSystem.IsLinux() && File.Exists(torchSharp))
        {
            LibTorchSymbols.Require(
                File.ReadAllBytes(torchSharp),
                name => loaded.Values.Any(library => NativeLibrary.TryGetExport(library, name, out _)),
                location);
        }

        // libtorch has brought libstdc++ into the process by now, so this asks the one that counts.
        loaded[TorchSharpName] = OperatingSystem.IsLinux() && !LibStdCpp.HasIostreamInit()
            ? PatchedLibrary.Load(torchSharp, location.Remedy)
            : SharedLibrary.Load(torchSharp, location.Remedy, bindNow: true);

        if (location.Warning is not null) Console.Error.WriteLine(location.Warning);

        // Linux and Windows know a loaded library by its bare name, macOS does not.
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => loaded.GetValueOrDefault(name);
    }

    /// <summary>
    /// Without this, TorchSharp's own search would follow: it copies 500 MB of packages into the program's folder and
    /// ends in a long message about a missing package reference, which hides the true reason. So its search is told
    /// that the library is there, and its first call into the library gets the reason.
    /// </summary>
    private static void SilenceTorchSharp(string reason)
    {
        AssemblyLoadContext.Default.ResolvingUnmanagedDll +=
            (_, name) => name == TorchSharpName ? NativeLibrary.GetMainProgramHandle() : 0;
        NativeLibrary.SetDllImportResolver(
            typeof(torch).Assembly,
            (name, _, _) => name == TorchSharpName ? throw new DllNotFoundException(reason) : 0);
    }
}
