using Marrow.Language;
using Marrow.Native;
using Marrow.Tool.Terminal;
using Marrow.Vision;

namespace Marrow.Tool.CommandLine;

/// <summary>What becomes of exceptions: one sentence on standard error and an exit code.</summary>
internal static class Faults
{
    /// <summary>The exit code after Ctrl-C, as of any program that SIGINT ends.</summary>
    public const int Stopped = 130;

    private const int Failed = 1;

    /// <summary>Tells a fault, and returns the exit code.</summary>
    public static int Report(Exception fault, Screen screen, bool verbose, CancellationToken stop)
    {
        if (stop.IsCancellationRequested && fault is OperationCanceledException)
        {
            return Stopped;
        }

        screen.Fail(Sentence(fault));
        if (verbose)
        {
            screen.ErrorOutput.WriteLine(fault.ToString());
        }

        return Failed;
    }

    /// <summary>
    /// Exceptions that speak to the user. Others are faults of the program, and say how to learn more.
    /// </summary>
    private static string Sentence(Exception fault) => fault switch
    {
        ToolException or CheckpointException or TextDataException or ImageDataException or TrainingException
            or NativeLoadException or DllNotFoundException or IOException or UnauthorizedAccessException =>
            OneLine(fault.Message),
        OutOfMemoryException => "There is not enough memory; marrow plan says how much a model needs.",
        _ => $"{OneLine(fault.Message)} ({fault.GetType().Name}; --verbose shows where)",
    };

    private static string OneLine(string text) => string.Join(
        "; ", text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
