using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Marrow.Tool.Terminal;

/// <summary>What the user sees: colors and live bars on a terminal, plain lines where output goes elsewhere.</summary>
internal sealed class Screen
{
    private const int PlainLines = 5, PlainWidth = 160;

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly TextWriter lines;
    private readonly IAnsiConsole? console; // a terminal that can move its cursor

    private Screen(TextWriter output, TextWriter error, TextWriter lines, IAnsiConsole? console) =>
        (Output, ErrorOutput, this.lines, this.console) = (output, error, lines, console);

    /// <summary>Standard output: results.</summary>
    public TextWriter Output { get; }

    /// <summary>Standard error.</summary>
    public TextWriter ErrorOutput { get; }

    /// <summary>The process's own terminal.</summary>
    public static Screen OfConsole() => new(
        Console.Out,
        Console.Error,
        Console.Out,
        !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi ? AnsiConsole.Console : null);

    /// <summary>Plain text to some writers.</summary>
    public static Screen Plain(TextWriter output, TextWriter error) => new(output, error, output, null);

    /// <summary>The same screen for a run whose result is JSON: everything else goes to standard error.</summary>
    public Screen ForJson() => new(Output, ErrorOutput, ErrorOutput, null);

    /// <summary>A line of text.</summary>
    public void Say(string text) => lines.WriteLine(text);

    /// <summary>A sentence that must not be overlooked, on standard error.</summary>
    public void Warn(string text) => ErrorOutput.WriteLine($"warning: {text}");

    /// <summary>Why it did not go on, on standard error.</summary>
    public void Fail(string text) => ErrorOutput.WriteLine($"error: {text}");

    /// <summary>Something that Spectre.Console lays out.</summary>
    public void Show(IRenderable what)
    {
        if (console is not null)
        {
            console.Write(what);
            return;
        }

        using var text = new StringWriter();
        var plain = AnsiConsole.Create(new()
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        plain.Profile.Width = PlainWidth;
        plain.Write(what);
        foreach (var line in text.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n'))
        {
            lines.WriteLine(line.TrimEnd());
        }
    }

    /// <summary>Facts below each other, the names in a column; those without a value are left out.</summary>
    public void Facts(params IReadOnlyList<(string Name, string? Value)> facts)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var (name, value) in facts.Where(fact => fact.Value is not null))
        {
            grid.AddRow(new Text(name, new Style(Color.Grey)), new Text(value!));
        }

        Show(grid);
    }

    /// <summary>A table in this tool's style: columns without a frame.</summary>
    public static Table Table(params IEnumerable<(string Title, bool IsNumber)> columns)
    {
        var table = new Table().Border(TableBorder.Simple).BorderColor(Color.Grey);
        foreach (var (title, isNumber) in columns)
        {
            var column = new TableColumn(new Text(title, new Style(decoration: Decoration.Bold)));
            table.AddColumn(isNumber ? column.RightAligned().NoWrap() : column);
        }

        return table;
    }

    /// <summary>A result as JSON, on standard output.</summary>
    public void Json<T>(T value) => Output.WriteLine(JsonSerializer.Serialize(value, JsonOptions));

    /// <summary>Shows that something of unknown length goes on.</summary>
    public T Wait<T>(string text, Func<T> work)
    {
        if (console is not null)
        {
            return console.Status().Start(Markup.Escape(text), _ => work());
        }

        ErrorOutput.WriteLine(text);
        return work();
    }

    /// <summary>Shows the progress of some steps.</summary>
    /// <param name="name">What is going on.</param>
    /// <param name="steps">How many steps it takes.</param>
    /// <param name="work">Does it, and reports each step's number, from 1, and what to say of it.</param>
    public T Track<T>(string name, int steps, Func<Action<int, string>, T> work)
    {
        if (console is null)
        {
            return work(PlainReport(name, steps));
        }

        var note = new NoteColumn();
        return console.Progress()
            .Columns(
                new TaskDescriptionColumn(),
                new ProgressBarColumn(),
                new PercentageColumn(),
                note,
                new RemainingTimeColumn())
            .Start(context =>
            {
                var task = context.AddTask(Markup.Escape(name), maxValue: steps);
                return work((step, text) => (note.Text, task.Value) = (text, step));
            });
    }

    private Action<int, string> PlainReport(string name, int steps)
    {
        var clock = Stopwatch.StartNew();
        var every = Math.Max(1, steps / PlainLines);
        return (step, note) =>
        {
            if (step % every == 0 || step == steps)
            {
                var left = clock.Elapsed / step * (steps - step);
                Say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name}: step {step} of {steps}, {note}, {left.TotalSeconds:F0} s left"));
            }
        };
    }

    private sealed class NoteColumn : ProgressColumn
    {
        public string Text { get; set; } = "";

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(Text);
    }
}
