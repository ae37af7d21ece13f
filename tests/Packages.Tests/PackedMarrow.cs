using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using Marrow.Tests.Packages;
using Xunit;

[assembly: AssemblyFixture(typeof(PackedMarrow))]

namespace Marrow.Tests.Packages;

/// <summary>
/// The packages as a user gets them, of a version of their own, and a folder outside the repository in which projects
/// find them and all else where they usually would.
/// </summary>
public sealed class PackedMarrow : IDisposable
{
    private const string Configuration =
#if DEBUG
        "Debug";
#else
        "Release";
#endif

    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private readonly string folder = Directory.CreateTempSubdirectory("marrow-packages-").FullName;

    public PackedMarrow()
    {
        var repository = Repository();
        var output = Run(
            repository,
            $"pack -c {Configuration} --no-build -o {Path.Combine(folder, "feed")} -p:PackageVersion={Version}");
        Assert.True(output.Code == 0, output.Text);
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <packageSources><add key="marrow" value="{Path.Combine(folder, "feed")}" /></packageSources>
            </configuration>
            """);
    }

    /// <summary>No other run's, so that NuGet's cache has none of it yet.</summary>
    public string Version { get; } = $"0.0.1-test{DateTime.UtcNow.Ticks}";

    /// <summary>The file of a package.</summary>
    public string Package(string id) => Path.Combine(folder, "feed", $"{id}.{Version}.nupkg");

    /// <summary>A file of the repository.</summary>
    public static string InRepository(string name) => Path.Combine(Repository(), name);

    /// <summary>A folder for a project.</summary>
    public string Project(params (string Name, string Text)[] files)
    {
        var project = Path.Combine(folder, Path.GetRandomFileName());
        foreach (var (name, text) in files)
        {
            var file = Path.Combine(project, name);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text.Replace("MARROW_VERSION", Version, StringComparison.Ordinal));
        }

        Directory.CreateDirectory(project);
        return project;
    }

    /// <summary>Runs the .NET command, or another program, in a folder.</summary>
    public static (int Code, string Text) Run(string directory, string arguments, string program = "dotnet")
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var text = new StringBuilder();
        process.OutputDataReceived += (_, line) => Add(line.Data);
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
            return (-1, $"{program} {arguments} did not end\n{text}");
        }

        process.WaitForExit();
        return (process.ExitCode, text.ToString());

        void Add(string? line)
        {
            lock (text)
            {
                text.AppendLine(line);
            }
        }
    }

    public void Dispose()
    {
        Directory.Delete(folder, recursive: true);
        foreach (var id in new[] { "marrow", "marrow.models", "marrow.tool" })
        {
            var cached = Path.Combine(
                Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(
                    Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"),
                id,
                Version);
            if (Directory.Exists(cached))
            {
                Directory.Delete(cached, recursive: true);
            }
        }
    }

    private static string Repository([CallerFilePath] string file = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
