using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Marrow.Tool.CommandLine;

/// <summary>The help of a verb, with an example at its end.</summary>
internal sealed class ExampleHelp(HelpAction help) : SynchronousCommandLineAction
{
    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <inheritdoc/>
    public override int Invoke(ParseResult parsed)
    {
        help.Invoke(parsed);
        if (parsed.CommandResult.Command is Verb verb)
        {
            parsed.InvocationConfiguration.Output.WriteLine($"Example:\n  {verb.Example}\n");
        }

        return 0;
    }
}
