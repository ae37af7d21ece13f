using System.Runtime.InteropServices;

namespace Marrow.Native;

/// <summary>
/// Opens a shared library for the life of the process, and knows the system's own reason when it cannot.
/// </summary>
internal static partial class SharedLibrary
{
    private const int RtldLazy = 1, RtldNow = 2;

    /// <param name="path">Absolute path of the library.</param>
    /// <param name="remedy">What a person can do if it does not load.</param>
    /// <param name="bindNow">
    /// Resolve every symbol at once: a library of another version then fails here, not at a call.
    /// </param>
    /// <exception cref="NativeLoadException">The system's loader refuses the library.</exception>
    public static nint Load(string path, string remedy, bool bindNow = false)
    {
        if (!File.Exists(path)) throw Refused("the file does not exist");
        if (OperatingSystem.IsLinux())
        {
            var handle = dlopen(path, bindNow ? RtldNow : RtldLazy);
            return handle != 0 ? handle : throw Refused(Marshal.PtrToStringUTF8(dlerror()) ?? "unknown");
        }
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw Refused(error.Message);
        }

        NativeLoadException Refused(string reason) => new($"could not load {path}", reason, remedy);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string path, int flags);

    [LibraryImport("libc")]
    private static partial nint dlerror();
}
