using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using Marrow.CompilerServices;
using Marrow.Native;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.Libraries;

/// <summary>
/// libtorch, which has 500 MB and is in no tool's package: from MARROW_LIBTORCH, from NuGet's cache, or fetched into
/// that cache by a restore, once. Verbs that only look work without it.
/// </summary>
internal static class LibTorch
{
    private const string DirectoryOption = "Marrow.LibTorch", TorchSharpOption = "Marrow.LibTorchSharp";

    private static readonly string Version = typeof(LibTorch).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .First(data => data.Key == "LibTorch").Value!;

    /// <summary>Whether it can be loaded without fetching anything.</summary>
    public static bool IsThere => IsNamed || (Platform is { } platform && Directory.Exists(CacheFolder(platform)));

    /// <summary>Loads it, after fetching it where need be. Does nothing once it is loaded.</summary>
    /// <exception cref="ToolException">It cannot be fetched.</exception>
    /// <exception cref="NativeLoadException">It is not where it should be.</exception>
    public static void Load(Screen screen, CancellationToken stop)
    {
        if (!IsNamed)
        {
            var platform = Platform ?? throw new ToolException(
                $"libtorch is not published for {RuntimeInformation.RuntimeIdentifier}; set "
                + $"{PyTorchInstallation.Variable} to the folder of a PyTorch {LibTorchLocation.ExpectedVersion} "
                + "installation.");
            if (!IsThere)
            {
                Fetch(platform, screen, stop);
            }

            AppContext.SetData(DirectoryOption, CacheFolder(platform));
        }

        if (AppContext.GetData(TorchSharpOption) is null && Platform is { } own)
        {
            AppContext.SetData(TorchSharpOption, Path.Combine(AppContext.BaseDirectory, "runtimes", own, "native"));
        }

        LibTorchLocation.Find(); // says in one sentence what is missing
        NativeLibraries.Load();
    }

    /// <summary>Whether the environment, or the program that this runs in, says where it is.</summary>
    private static bool IsNamed => AppContext.GetData(DirectoryOption) is string { Length: > 0 }
        || Environment.GetEnvironmentVariable(PyTorchInstallation.Variable) is { Length: > 0 };

    private static string? Platform => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 when OperatingSystem.IsLinux() => "linux-x64",
        Architecture.X64 when OperatingSystem.IsWindows() => "win-x64",
        Architecture.Arm64 when OperatingSystem.IsMacOS() => "osx-arm64",
        _ => null,
    };

    private static string Cache => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named
        ? named
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static string CacheFolder(string platform) =>
        Path.Combine(Cache, $"libtorch-cpu-{platform}", Version, "runtimes", platform, "native");

    /// <summary>As the build of an application does it: a project that downloads one package.</summary>
    private static void Fetch(string platform, Screen screen, CancellationToken stop)
    {
        var folder = Directory.CreateTempSubdirectory("marrow-libtorch-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "Fetch.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
                  <ItemGroup><PackageDownload Include="libtorch-cpu-{platform}" Version="[{Version}]" /></ItemGroup>
                </Project>
                """);
            var (code, output) = screen.Wait(
                $"Fetching libtorch {Version} for {platform} into {Cache} (500 MB, once) …",
                () => Restore(folder.FullName, stop));
            if (code != 0 || !Directory.Exists(CacheFolder(platform)))
            {
                var reason = output.Split('\n')
                    .Where(line => line.Contains("error ", StringComparison.Ordinal))
                    .Select(line => line[(line.IndexOf("error ", StringComparison.Ordinal) + "error ".Length)..].Trim())
                    .FirstOrDefault();
                throw new ToolException(
                    $"libtorch {Version} for {platform} could not be fetched{(reason is null ? "" : $" ({reason})")}; "
                    + $"check NuGet's sources (dotnet nuget list source), or set {PyTorchInstallation.Variable} to the "
                    + $"folder of a PyTorch {LibTorchLocation.ExpectedVersion} installation.");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (int Code, string Output) Restore(string folder, CancellationToken stop)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList = { "restore", "--packages", Cache, "-nologo", "-p:NuGetAudit=false" },
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Start(start);
        using var end = stop.Register(() => process.Kill(entireProcessTree: true));
        var errors = process.StandardError.ReadToEndAsync(stop);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        stop.ThrowIfCancellationRequested();
        return (process.ExitCode, output + errors.Result);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception fault)
        {
            throw new ToolException(
                $"The .NET SDK's command dotnet, which fetches libtorch, does not start ({fault.Message}); install it, "
                + $"or set {PyTorchInstallation.Variable} to the folder of a PyTorch "
                + $"{LibTorchLocation.ExpectedVersion} installation.",
                fault);
        }
    }
}
