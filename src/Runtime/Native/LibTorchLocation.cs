using System.Runtime.InteropServices;

namespace Marrow.Native;

/// <summary>
/// Where libtorch and TorchSharp's library lie, and what to tell a person if they do not load from there.
/// </summary>
/// <param name="Directory">Folder of libtorch.</param>
/// <param name="TorchSharpDirectory">Folder of TorchSharp's native library.</param>
/// <param name="Remedy">What to do when a library of these folders does not load.</param>
/// <param name="Warning">Printed once it is loaded; null when all is as expected.</param>
internal sealed record LibTorchLocation(
    string Directory, string TorchSharpDirectory, string Remedy, string? Warning = null)
{
    /// <summary>The libtorch that TorchSharp 0.107 is built against.</summary>
    public const string ExpectedVersion = "2.10";

    // In the order of their dependencies. TorchSharp looks for torch_cuda by name when CUDA is first used.
    private static readonly string[] Names = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    /// <summary>Name of TorchSharp's native library, without the platform's prefix and extension.</summary>
    public const string TorchSharpName = "LibTorchSharp";

    /// <summary>Names of libtorch's libraries in loading order, CUDA's where they exist.</summary>
    public IEnumerable<string> Libraries =>
        Names.Where(name => !name.EndsWith("_cuda") || File.Exists(Path.Combine(Directory, FileName(name))));

    /// <exception cref="NativeLoadException">libtorch is nowhere, or not where MARROW_LIBTORCH says.</exception>
    public static LibTorchLocation Find()
    {
        var torchSharp = FindFolder(FileName(TorchSharpName), "Marrow.LibTorchSharp", out var searched) ??
            throw new NativeLoadException(
                $"could not find {FileName(TorchSharpName)}",
                $"it is in none of {searched}",
                "rebuild the program (its runtimeconfig.json names the package folder), or publish it.");

        if (Environment.GetEnvironmentVariable(PyTorchInstallation.Variable) is { Length: > 0 } pyTorch)
            return PyTorchInstallation.Locate(pyTorch, torchSharp);

        var directory = FindFolder(FileName("torch_cpu"), "Marrow.LibTorch", out searched) ??
            throw new NativeLoadException($"could not find {FileName("torch_cpu")}", $"it is in none of {searched}",
                "rebuild the program so that the libtorch package is restored, publish it, or set " +
                $"{PyTorchInstallation.Variable} to the folder of a PyTorch {ExpectedVersion} installation.");
        return new(directory, torchSharp,
            $"restore the package of this folder again, or set {PyTorchInstallation.Variable} to the folder of a " +
            $"PyTorch {ExpectedVersion} installation.");
    }

    /// <summary>A library's file name on this platform, as "libtorch.so" for "torch".</summary>
    public static string FileName(string name) =>
        OperatingSystem.IsWindows() ? $"{name}.dll" : OperatingSystem.IsMacOS() ? $"lib{name}.dylib" : $"lib{name}.so";

    /// <summary>
    /// A publish puts the file beside the program, NuGet's own copying under runtimes/, the build names its package.
    /// </summary>
    private static string? FindFolder(string file, string option, out string searched)
    {
        var besideProgram = AppContext.BaseDirectory;
        var copied = Path.Combine(besideProgram, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        string?[] folders = [besideProgram, copied, AppContext.GetData(option) as string];
        searched = string.Join(", ", folders.Where(folder => !string.IsNullOrEmpty(folder)));
        return folders.FirstOrDefault(folder =>
            !string.IsNullOrEmpty(folder) && File.Exists(Path.Combine(folder, file)));
    }
}
