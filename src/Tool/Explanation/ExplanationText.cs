using System.Text;
using Marrow.Tool.Terminal;
using Spectre.Console;

namespace Marrow.Tool.Explanation;

/// <summary>What a person reads of a class in the terminal.</summary>
internal static class ExplanationText
{
    /// <summary>Prints some classes.</summary>
    public static void Show(IReadOnlyList<ExplainedModel> models, Screen screen)
    {
        foreach (var model in models)
        {
            Show(model, screen);
        }
    }

    private static void Show(ExplainedModel model, Screen screen)
    {
        Title($"{model.Name}{(model.Base is null ? "" : $" : {model.Base}")}", $"{model.File}:{model.Line}", screen);
        foreach (var line in model.Summary)
        {
            screen.Say(line);
        }

        foreach (var finding in model.Findings)
        {
            screen.Say($"{finding.Place}: {finding.Id}: {finding.Message}");
        }

        if (model.Layers.Count > 0)
        {
            screen.Show(Layers(model));
        }

        foreach (var cause in model.Causes)
        {
            Title(cause.Source.Split('\n')[0].TrimEnd(), $"line {cause.Line}", screen);
            foreach (var code in cause.Emitted)
            {
                screen.Show(Highlighted(code));
                screen.Say("");
            }
        }
    }

    private static void Title(string text, string place, Screen screen)
    {
        screen.Say("");
        screen.Show(new Markup($"[bold]{Markup.Escape(text)}[/]  [grey]{Markup.Escape(place)}[/]\n"));
    }

    private static Table Layers(ExplainedModel model)
    {
        var table = Screen.Table(
            ("layer", false), ("shape", false), ("parameters", true), ("adapter or quantizer", false),
            ("trainable", true), ("kept for the backward", false));
        var isAdapted = model.Cost.Trainable != model.Cost.Parameters;
        foreach (var (indent, node) in Flat(model.Layers, 0))
        {
            var layer = node.Layer;
            table.AddRow(
                new Text(new string(' ', 2 * indent) + node.Name),
                new Text(layer?.Shape ?? ""),
                new Text(layer is null ? "" : Number(layer.Parameters)),
                new Text(layer?.Method ?? (layer is { IsTrained: true } && isAdapted ? "trained whole" : "")),
                new Text(layer is null ? "" : Number(layer.IsTrained ? layer.Parameters : layer.AdapterParameters)),
                new Text(layer?.Keeps ?? ""));
        }

        return table;
    }

    private static IEnumerable<(int Indent, LayerNode Node)> Flat(IReadOnlyList<LayerNode> nodes, int indent) =>
        nodes.SelectMany(node => Flat(node.Children, indent + 1).Prepend((indent, node)));

    private static string Number(long? count) => count is { } number ? Amounts.Exact(number) : "at run time";

    private static Markup Highlighted(string code)
    {
        var text = new StringBuilder();
        foreach (var span in CodeSpan.Of(code))
        {
            var color = span.Kind switch
            {
                CodeKind.Keyword => "blue",
                CodeKind.Name => "teal",
                CodeKind.Call => "olive",
                CodeKind.Literal => "maroon",
                CodeKind.Comment => "green",
                _ => null,
            };
            var escaped = Markup.Escape(span.Text);
            text.Append(color is null ? escaped : $"[{color}]{escaped}[/]");
        }

        return new(text.ToString());
    }
}
