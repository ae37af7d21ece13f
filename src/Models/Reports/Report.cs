using System.Globalization;
using System.Net;
using System.Text;

namespace Marrow.Reports;

/// <summary>A column of a report's table.</summary>
/// <param name="Title">Its title.</param>
/// <param name="IsNumber">Whether it holds numbers, which are set to the right.</param>
public sealed record ReportColumn(string Title, bool IsNumber = false);

/// <summary>Something that a model wrote.</summary>
/// <param name="Label">By what it was written.</param>
/// <param name="Question">What was asked.</param>
/// <param name="Expected">The reference.</param>
/// <param name="Answer">What the model wrote.</param>
/// <param name="IsRight">Whether it is right.</param>
public sealed record ReportExample(string Label, string Question, string Expected, string Answer, bool IsRight);

/// <summary>
/// A page about a run, in one file that needs no other: facts, charts, tables, examples. All text is data and is
/// escaped. It reads on narrow and wide screens, in light and dark, and on paper.
/// </summary>
/// <param name="title">What it is about.</param>
/// <param name="summary">What came out, in a sentence or two.</param>
public sealed class Report(string title, string summary = "")
{
    private const double Wide = 860, Narrow = 400;
    private readonly StringBuilder body = new();

    /// <summary>Adds facts, the names in a column.</summary>
    public Report Facts(string heading, IEnumerable<(string Name, string Value)> facts) => Section(
        heading,
        "<dl>" + string.Concat(facts.Select(fact =>
            $"<div><dt>{Escape(fact.Name)}</dt><dd>{Escape(fact.Value)}</dd></div>\n")) + "</dl>");

    /// <summary>Adds a chart.</summary>
    /// <param name="heading">What it shows.</param>
    /// <param name="chart">The chart.</param>
    /// <param name="note">What a reader should know of it.</param>
    public Report Chart(string heading, Chart chart, string note = "") => Section(
        heading,
        $"<figure><div class=\"wide\">{chart.ToSvg(Wide)}</div><div class=\"narrow\">{chart.ToSvg(Narrow)}</div>"
        + (note.Length > 0 ? $"<figcaption>{Escape(note)}</figcaption>" : "") + "</figure>");

    /// <summary>Adds a table.</summary>
    public Report Table(
        string heading,
        IReadOnlyList<ReportColumn> columns,
        IEnumerable<IReadOnlyList<string>> rows,
        string note = "")
    {
        var head = string.Concat(columns.Select(column => $"<th{Side(column)}>{Escape(column.Title)}</th>"));
        var lines = rows.Select(row =>
            "<tr>" + string.Concat(row.Zip(columns, (text, column) => $"<td{Side(column)}>{Escape(text)}</td>"))
                + "</tr>\n");
        return Section(
            heading,
            $"<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{string.Concat(lines)}</tbody></table>"
            + "</div>" + (note.Length > 0 ? $"<p class=\"note\">{Escape(note)}</p>" : ""));

        static string Side(ReportColumn column) => column.IsNumber ? " class=\"number\"" : "";
    }

    /// <summary>Adds things that models wrote.</summary>
    public Report Examples(string heading, IEnumerable<ReportExample> examples) => Section(
        heading,
        string.Concat(examples.Select(example =>
            $"<article class=\"{(example.IsRight ? "right" : "wrong")}\"><header><span>{Escape(example.Label)}</span>"
            + $"<strong>{(example.IsRight ? "right" : "wrong")}</strong></header>"
            + $"<h3>Question</h3><pre>{Escape(example.Question)}</pre>"
            + $"<div class=\"pair\"><div><h3>Answer</h3><pre>{Escape(example.Answer)}</pre></div>"
            + $"<div><h3>Reference</h3><pre>{Escape(example.Expected)}</pre></div></div></article>\n")));

    /// <summary>Adds text as it is typed, as commands are.</summary>
    public Report Code(string heading, string text) => Section(heading, $"<pre class=\"code\">{Escape(text)}</pre>");

    /// <summary>The page.</summary>
    public override string ToString() =>
        $"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{Escape(title)}</title>
        <style>
        {ReportStyle.Text}
        </style>
        </head>
        <body>
        <main>
        <header class="title">
        <h1>{Escape(title)}</h1>
        {(summary.Length > 0 ? $"<p>{Escape(summary)}</p>" : "")}
        </header>
        {body}<footer>Marrow, {DateTime.Now.ToString("d MMMM yyyy, HH:mm", CultureInfo.InvariantCulture)}</footer>
        </main>
        </body>
        </html>

        """;

    /// <summary>Writes the page; the file appears whole or not at all.</summary>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, ToString());

    private Report Section(string heading, string content)
    {
        body.Append($"<section>\n<h2>{Escape(heading)}</h2>\n{content}\n</section>\n");
        return this;
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
