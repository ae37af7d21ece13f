using System.CommandLine;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.CommandLine;

/// <summary>
/// A verb of the command. A class derives from it, adds its arguments and options in its constructor, and does its work
/// in <see cref="Run"/>. What goes wrong is thrown; <see cref="Faults"/> makes one sentence of it.
/// </summary>
internal abstract class Verb : Command
{
    private readonly Option<bool>? json;

    /// <param name="name">The verb.</param>
    /// <param name="description">What it does, in a sentence.</param>
    /// <param name="example">A command line that the help shows.</param>
    /// <param name="hasResult">Whether it has a result that <c>--json</c> prints.</param>
    protected Verb(string name, string description, string example, bool hasResult = true)
        : base(name, description)
    {
        Example = example;
        if (hasResult)
        {
            json = new("--json") { Description = "Print the result as JSON; all else goes to standard error." };
            Add(json);
        }
    }

    /// <summary>A command line that the help shows.</summary>
    public string Example { get; }

    /// <summary>Says where it writes and what stops it.</summary>
    public void Attach(Screen screen, CancellationToken stop) => SetAction(parsed =>
    {
        var isJson = json is not null && parsed.GetValue(json);
        Run(new(parsed, isJson ? screen.ForJson() : screen, isJson, stop));
    });

    /// <summary>Does the work.</summary>
    /// <param name="call">What was typed, and where to write.</param>
    protected abstract void Run(Invocation call);
}
