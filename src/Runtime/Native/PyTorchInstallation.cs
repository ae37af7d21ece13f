using System.Text.RegularExpressions;

namespace Marrow.Native;

/// <summary>libtorch as it lies in a Python installation of PyTorch, CPU or CUDA.</summary>
internal static partial class PyTorchInstallation
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "MARROW_LIBTORCH";

    /// <param name="directory">torch/lib itself, the torch folder, or the site-packages folder that holds it.</param>
    /// <param name="torchSharpDirectory">Folder of TorchSharp's native library.</param>
    /// <exception cref="NativeLoadException">The folder is not there or holds no libtorch.</exception>
    public static LibTorchLocation Locate(string directory, string torchSharpDirectory)
    {
        const string remedy =
            "set it to the lib folder of an installation of PyTorch " + LibTorchLocation.ExpectedVersion +
            " (python -c \"import torch, os; print(os.path.join(torch.__path__[0], 'lib'))\" prints it), or unset it " +
            "to use the libtorch package.";
        if (!Directory.Exists(directory))
            throw new NativeLoadException(
                $"{Variable} names no usable libtorch", $"{directory} is not a folder", remedy);

        var file = LibTorchLocation.FileName("torch_cpu");
        string[] candidates = [directory, Path.Combine(directory, "lib"), Path.Combine(directory, "torch", "lib")];
        var found = candidates.FirstOrDefault(candidate => File.Exists(Path.Combine(candidate, file))) ??
            throw new NativeLoadException(
                $"{Variable} names no usable libtorch",
                $"{file} is in none of {string.Join(", ", candidates)}",
                remedy);
        found = Path.GetFullPath(found);

        var version = ReadVersion(found);
        var fits = version is not null &&
            (version == LibTorchLocation.ExpectedVersion || version.StartsWith(LibTorchLocation.ExpectedVersion + "."));
        var warning = fits
            ? null
            : $"Marrow: warning: {Variable}={directory} holds PyTorch {version ?? "of unknown version"}, but "
                + $"TorchSharp is built for libtorch {LibTorchLocation.ExpectedVersion}; the functions that it "
                + "calls are there, but may compute otherwise.";
        return new(found, torchSharpDirectory, remedy, warning);
    }

    /// <summary>
    /// "2.10.0+cu128" out of torch/version.py, or out of a libtorch archive's build-version; null if neither is there.
    /// </summary>
    private static string? ReadVersion(string libraryFolder)
    {
        var parent = Path.GetDirectoryName(libraryFolder)!;
        var python = Path.Combine(parent, "version.py");
        if (File.Exists(python) && PythonVersion().Match(File.ReadAllText(python)) is { Success: true } match)
            return match.Groups[1].Value;
        var archive = Path.Combine(parent, "build-version");
        return File.Exists(archive) ? File.ReadAllText(archive).Trim() : null;
    }

    [GeneratedRegex("""^__version__\s*(?::\s*\w+\s*)?=\s*['"]([^'"]+)['"]""", RegexOptions.Multiline)]
    private static partial Regex PythonVersion();
}
