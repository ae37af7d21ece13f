using System.CommandLine;
using System.CommandLine.Help;
using Marrow.Tool.Terminal;
using Marrow.Tool.Verbs;

namespace Marrow.Tool.CommandLine;

/// <summary>The command with its verbs.</summary>
internal static class MarrowCommand
{
    private static readonly Option<bool> Verbose = new("--verbose")
    {
        Description = "Show where in the code a fault arose.",
        Recursive = true,
    };

    /// <summary>The verbs, in the order in which the help lists them.</summary>
    private static IReadOnlyList<Verb> Verbs =>
    [
        new InspectVerb(),
        new PlanVerb(),
        new FineTuneVerb(),
        new EvaluateVerb(),
        new ChatVerb(),
        new MergeVerb(),
        new ExportVerb(),
        new QuantizeVerb(),
        new ScaffoldVerb(),
        new ExplainVerb(),
    ];

    /// <summary>Runs the command.</summary>
    /// <param name="arguments">What was typed behind <c>marrow</c>.</param>
    /// <param name="screen">Where to write.</param>
    /// <param name="stop">Canceled by Ctrl-C.</param>
    /// <returns>The exit code: 0, 1 after an error, 130 after Ctrl-C.</returns>
    public static int Run(IReadOnlyList<string> arguments, Screen screen, CancellationToken stop)
    {
        var parsed = Create(screen, stop).Parse(arguments);
        try
        {
            if (parsed.Action is not ExampleHelp && ParseFault.Find(parsed) is { } fault)
            {
                throw new ToolException(fault);
            }

            parsed.Invoke(new()
            {
                Output = screen.Output,
                Error = screen.ErrorOutput,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Ctrl-C is the program's own affair
            });
            return stop.IsCancellationRequested ? Faults.Stopped : 0;
        }
        catch (Exception failure)
        {
            return Faults.Report(failure, screen, parsed.GetValue(Verbose), stop);
        }
    }

    private static Command Create(Screen screen, CancellationToken stop)
    {
        var help = new HelpOption();
        help.Action = new ExampleHelp((HelpAction)help.Action!);
        var command = new Command("marrow", "Fine-tunes, quantizes and looks at models.")
        {
            help, new VersionOption(), Verbose,
        };
        foreach (var verb in Verbs)
        {
            verb.Attach(screen, stop);
            command.Add(verb);
        }

        command.SetAction(parsed => ((ExampleHelp)help.Action).Invoke(parsed));
        return command;
    }
}
