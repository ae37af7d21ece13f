using System.Runtime.CompilerServices;
using Marrow.CompilerServices;

namespace Marrow;

/// <summary>
/// Compiled into every executable: loads libtorch before any other code of the program can touch it. An initializer in
/// a library would run too late when the program uses torch first.
/// </summary>
internal static class NativeInitializer
{
    [ModuleInitializer]
    internal static void LoadLibTorch() => NativeLibraries.Load();
}
