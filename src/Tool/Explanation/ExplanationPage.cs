using System.Net;
using System.Text;
using Marrow.Tool.Terminal;
using Scriban;
using Scriban.Runtime;

namespace Marrow.Tool.Explanation;

/// <summary>An explanation as one HTML page that needs nothing beside it.</summary>
internal static class ExplanationPage
{
    private static readonly Lazy<Template> Page = new(() =>
    {
        using var stream = typeof(ExplanationPage).Assembly.GetManifestResourceStream("ExplanationPage.html")!;
        using var reader = new StreamReader(stream);
        return Template.Parse(reader.ReadToEnd(), "ExplanationPage.html");
    });

    /// <summary>The page.</summary>
    public static string Of(IReadOnlyList<ExplainedModel> models)
    {
        var context = new TemplateContext { NewLine = "\n", LoopLimit = int.MaxValue };
        var globals = new ScriptObject();
        globals.Import(new { Models = models.Select(model => new ModelView(model)).ToList() });
        globals.Import("html", new Func<string?, string>(text => WebUtility.HtmlEncode(text ?? "")));
        globals.Import("code", new Func<string?, string>(text => Highlighted(text ?? "")));
        context.PushGlobal(globals);
        return Page.Value.Render(context);
    }

    private static string Highlighted(string code)
    {
        var text = new StringBuilder();
        foreach (var span in CodeSpan.Of(code))
        {
            var escaped = WebUtility.HtmlEncode(span.Text);
            text.Append(span.Kind == CodeKind.Plain
                ? escaped
                : $"<span class=\"{Class(span.Kind)}\">{escaped}</span>");
        }

        return text.ToString();
    }

    private static string Class(CodeKind kind) => kind == CodeKind.Comment ? "m" : $"{kind}"[..1].ToLowerInvariant();

    private static string Number(long? count) => count is { } number ? Amounts.Exact(number) : "at run time";

    /// <summary>What the template prints of a class.</summary>
    private sealed class ModelView(ExplainedModel model)
    {
        public string Name => model.Name;

        public string? Base => model.Base;

        public string Place => $"{Path.GetFileName(model.File)}, line {model.Line}";

        public string? Summary => model.Summary.Count > 0 ? model.Summary[0] : null;

        public IReadOnlyList<Finding> Findings => model.Findings;

        public bool HasCost => model.Cost.Parameters is not null;

        public string Parameters => Number(model.Cost.Parameters);

        public string Trainable => Number(model.Cost.Trainable);

        public string Share => FormattableString.Invariant(
            $"{100.0 * model.Cost.Trainable / Math.Max(1, model.Cost.Parameters ?? 1):0.##} %");

        public string Size => model.Cost.Bytes is { } bytes ? Amounts.Bytes(bytes) : "at run time";

        public IReadOnlyList<RowView> Rows => [.. Flat(model.Layers, 0, model.Cost.Trainable != model.Cost.Parameters)];

        public IReadOnlyList<Cause> Causes => model.Causes;

        public IReadOnlyList<EmittedText> Files => model.Files;

        private static IEnumerable<RowView> Flat(IReadOnlyList<LayerNode> nodes, int depth, bool isAdapted) =>
            nodes.SelectMany(node =>
                Flat(node.Children, depth + 1, isAdapted).Prepend(new RowView(node, depth, isAdapted)));
    }

    /// <summary>A row of the tree.</summary>
    private sealed class RowView(LayerNode node, int depth, bool isAdapted)
    {
        public string Name => node.Name;

        public int Depth => depth;

        public bool IsBlock => node.Layer is null;

        public string Shape => node.Layer?.Shape ?? "";

        public string? Method =>
            node.Layer?.Method ?? (isAdapted && node.Layer is { IsTrained: true } ? "trained whole" : null);

        public IReadOnlyList<string> Formula => node.Layer?.Formula ?? [];

        public string Parameters => node.Layer is null ? "" : Number(node.Layer.Parameters);

        public string? Added => node.Layer?.AdapterParameters is > 0 and { } added ? $"+ {Amounts.Exact(added)}" : null;

        public string Keeps => node.Layer?.Keeps ?? "";
    }
}
