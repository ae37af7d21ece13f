using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Marrow.Examples;

/// <summary>What the user sees: live bars on a terminal, plain lines where output goes elsewhere.</summary>
internal sealed class Screen
{
    private const int PlainLines = 5, PlainWidth = 160;
    private readonly bool live = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;

    public Screen()
    {
        if (!live)
        {
            AnsiConsole.Profile.Width = PlainWidth;
        }
    }

    /// <summary>A line of text.</summary>
    public void Say(string text) => AnsiConsole.WriteLine(text);

    /// <summary>A line that must not be overlooked.</summary>
    public void Warn(string text) => AnsiConsole.Write(new Text(text + "\n", new Style(Color.Yellow)));

    /// <summary>Shows the progress of some steps.</summary>
    /// <param name="name">What is going on.</param>
    /// <param name="steps">How many steps it takes.</param>
    /// <param name="work">Does it, and reports each step's number and loss.</param>
    public T Track<T>(string name, int steps, Func<Action<int, double>, T> work)
    {
        if (!live)
        {
            return work(PlainReport(name, steps));
        }

        return AnsiConsole.Progress()
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                new LossColumn(),
                new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(name.PadRight(12), maxValue: steps);
                return work((step, loss) =>
                {
                    // A single loss jumps about; what is shown is smoothed.
                    var shown = task.State.Get<double>("loss");
                    task.State.Update<double>("loss", _ => step == 1 ? loss : (0.9 * shown) + (0.1 * loss));
                    task.Value = step;
                });
            });
    }

    /// <summary>A table; in Markdown where output goes elsewhere.</summary>
    public void Show(Table table) =>
        AnsiConsole.Write(live ? table.Border(TableBorder.Rounded) : table.Border(TableBorder.Markdown));

    private Action<int, double> PlainReport(string name, int steps)
    {
        var clock = Stopwatch.StartNew();
        var every = Math.Max(1, steps / PlainLines);
        return (step, loss) =>
        {
            if (step % every == 0 || step == steps)
            {
                var left = clock.Elapsed / step * (steps - step);
                Say(string.Create(CultureInfo.InvariantCulture,
                    $"{name}: step {step} of {steps}, loss {loss:F3}, {left.TotalSeconds:F0} s left"));
            }
        };
    }

    private sealed class LossColumn : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(string.Create(CultureInfo.InvariantCulture, $"loss {task.State.Get<double>("loss"):F3}"));
    }
}
