using System.Diagnostics;

namespace Marrow.Tests;

/// <summary>Runs an example as its user does.</summary>
internal static class ExampleProcess
{
    /// <summary>Exit code and what was written.</summary>
    public static (int Code, string Output, string Error) Run(string program, string[] arguments, string input = "")
    {
        using var process = Start(program, arguments);
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.Result);
    }

    /// <summary>The example, in the folder of temporary files.</summary>
    public static Process Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        // Tiny models; two programs' threads would wait for each other's cores.
        start.Environment["OMP_NUM_THREADS"] = "1";
        return Process.Start(start)!;
    }
}
