using System.Diagnostics;

namespace Marrow.Tests;

/// <summary>Runs an example as its user does.</summary>
internal static class ExampleProcess
{
    /// <summary>Exit code and what was written.</summary>
    public static (int Code, string Output, string Error) Run(string program, string[] arguments, string input = "")
    {
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder.Path,
        };
        start.Environment["OMP_NUM_THREADS"] = "1"; // tiny models; two programs' threads would wait for each other's cores
        using var process = Process.Start(start)!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }
}
