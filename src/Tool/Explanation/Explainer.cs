using Marrow.Generators.Resolution;
using Marrow.Tool.Generation;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Tool.Explanation;

/// <summary>Explains a class: its cost, its layers, and the emitted code beside what caused it.</summary>
internal static class Explainer
{
    /// <summary>Explains a class.</summary>
    /// <param name="compilation">Its compilation.</param>
    /// <param name="type">The class.</param>
    /// <param name="stop">Ends it.</param>
    public static ExplainedModel Explain(ModelCompilation compilation, INamedTypeSymbol type, CancellationToken stop)
    {
        var model = compilation.Generate(type, stop);
        var files = model.Files.Select(file => new EmittedText(file.Name, file.Text)).ToList();
        var view = model.View;
        var texts = files.Skip(1).SelectMany(file => LayerClassText.Of(file.Text)).ToDictionary(text => text.Name);
        var classes = view is null ? [] : view.Classes.All
            .Where(emitted => texts.ContainsKey(emitted.Name))
            .Select(emitted => (emitted.Layer.Words, texts[emitted.Name]))
            .ToList();
        var declaration = (TypeDeclarationSyntax)type.DeclaringSyntaxReferences
            .Select(part => part.GetSyntax(stop))
            .OrderByDescending(node => ((TypeDeclarationSyntax)node).AttributeLists.Count)
            .First();
        return new(
            type.Name,
            type.BaseType is { SpecialType: SpecialType.None, TypeKind: TypeKind.Class } from ? from.Name : null,
            declaration.SyntaxTree.FilePath,
            LineOf(declaration.Identifier),
            view?.Summary.Select(System.Net.WebUtility.HtmlDecode).OfType<string>().ToList() ?? [],
            view is null ? new(null, null, null) : CostOf(model.Rows),
            [.. model.Findings.Select(Found)],
            view is null ? [] : LayerTree.Of(model, classes),
            files.Count == 0 ? [] : new CauseFinder(declaration, files[0].Text, texts).Find(),
            files);
    }

    /// <summary>Something wrong, and where.</summary>
    public static Finding Found(Diagnostic diagnostic)
    {
        var place = diagnostic.Location.GetLineSpan();
        return new(
            diagnostic.Id,
            $"{place.Path}({place.StartLinePosition.Line + 1},{place.StartLinePosition.Character + 1})",
            diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>The line of a token, from 1.</summary>
    public static int LineOf(SyntaxNodeOrToken node) => node.GetLocation()!.GetLineSpan().StartLinePosition.Line + 1;

    private static Cost CostOf(IReadOnlyList<PlanRow> rows)
    {
        var (whole, added) = PlanTable.Totals(rows);
        var (ofTrained, _) = PlanTable.Totals([.. rows.Where(row => row.IsTrained)]);
        var isAdapted = rows.Any(row => row.Adapter is not null);
        return new(whole + added, isAdapted ? added + ofTrained : whole, 4 * (whole + added));
    }
}
