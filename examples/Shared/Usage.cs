using System.Globalization;

namespace Marrow.Examples;

/// <summary>The help of programs that have next to no options.</summary>
internal static class Usage
{
    /// <summary>Whether a program without options goes on; if not, it has printed how it is used.</summary>
    /// <param name="args">What was typed.</param>
    /// <param name="help">How it is used.</param>
    public static bool IsPlain(string[] args, string help) => args.Length == 0 || Tell(args, help);

    /// <summary>Whether a program of so many steps goes on; if not, it has printed how it is used.</summary>
    /// <param name="args">What was typed.</param>
    /// <param name="help">How it is used.</param>
    /// <param name="steps">The number that holds if none is typed; then the one that was.</param>
    public static bool IsSteps(string[] args, string help, ref int steps)
    {
        if (args is [var text] && int.TryParse(text, CultureInfo.InvariantCulture, out var typed) && typed > 0)
        {
            steps = typed;
            return true;
        }

        return args.Length == 0 || Tell(args, help);
    }

    private static bool Tell(string[] args, string help)
    {
        if (args is ["--help" or "-h" or "-?"])
        {
            Console.WriteLine(help);
        }
        else
        {
            Environment.ExitCode = 1;
            Console.Error.WriteLine($"error: '{string.Join(' ', args)}' is not understood. {help}");
        }

        return false;
    }
}
