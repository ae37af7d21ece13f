using System.Collections.Immutable;
using Marrow.Generators.Reading;
using Marrow.Generators.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Marrow.Generators.Diagnostics;

/// <summary>
/// Reports the rules that a model class breaks. The generator, which reads and checks the same way, stays silent:
/// only an analyzer's diagnostics respect <c>#pragma warning disable</c>.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ModelAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [.. Descriptors.List];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolAction(Analyze, SymbolKind.NamedType);
    }

    private static void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (type.TypeKind != TypeKind.Class || !Concerns(type))
        {
            return;
        }

        var closure = ClosureReader.Read(type, context.Compilation, context.CancellationToken);
        foreach (var violation in ModelCheck.Run(closure))
        {
            context.ReportDiagnostic(Diagnostic.Create(
                Descriptors.Of(violation.Id),
                SiteLocator.Locate(violation.Site, type, context.CancellationToken),
                ImmutableDictionary<string, string?>.Empty.Add(DiagnosticIds.FixesProperty, string.Join(",", violation.Fixes)),
                violation.Message));
        }
    }

    private static bool Concerns(INamedTypeSymbol type) =>
        KnownNames.ClassAttributes.Any(type.HasAttribute) || LayerReader.Properties(type).Any();
}
