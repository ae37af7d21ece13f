using System.Collections.Immutable;
using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
using Marrow.Generators.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace Marrow.Generators.Analysis;

/// <summary>
/// Reports the rules that a model class breaks. The generator, which reads and checks the same way, stays silent but
/// for classes that nothing can be emitted for: only an analyzer's diagnostics respect <c>#pragma warning disable</c>.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ModelAnalyzer : DiagnosticAnalyzer
{
    private readonly MethodTable methods;

    /// <summary>Makes the analyzer with the methods that come with it.</summary>
    public ModelAnalyzer()
        : this(MethodTable.All)
    {
    }

    /// <summary>Makes the analyzer with other methods.</summary>
    internal ModelAnalyzer(MethodTable methods) => this.methods = methods;

    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [.. Descriptors.List];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolAction(Analyze, SymbolKind.NamedType);
    }

    private void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (type.TypeKind != TypeKind.Class || !Concerns(type))
        {
            return;
        }

        foreach (var diagnostic in Diagnostics(type, context.Compilation, context.CancellationToken))
        {
            context.ReportDiagnostic(diagnostic);
        }
    }

    /// <summary>What is wrong with a class; a failure of Marrow's own is one diagnostic at its name.</summary>
    private IReadOnlyList<Diagnostic> Diagnostics(
        INamedTypeSymbol type, Compilation compilation, CancellationToken cancellation)
    {
        try
        {
            var closure = ClosureReader.Read(type, compilation, methods, cancellation);
            var violations = ModelCheck.Run(closure, methods.Rules);
            return
            [
                .. (violations.Count > 0 ? violations : EmissionFailure(type)).Where(
                    violation => !IsReportedByGenerator(violation, closure.Root)).Select(violation => Diagnostic.Create(
                    Descriptors.Of(violation.Id),
                    SiteLocator.Locate(violation.Site, type, cancellation),
                    ImmutableDictionary<string, string?>.Empty.Add(
                        DiagnosticIds.FixesProperty, string.Join(",", violation.Fixes)),
                    violation.Message)),
            ];
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return
            [
                Diagnostic.Create(
                    Descriptors.Of(DiagnosticIds.InternalError),
                    type.Locations.FirstOrDefault() ?? Location.None,
                    InternalError.Describe(type.Name, failure)),
            ];
        }
    }

    /// <summary>The compiler drops what analyzers say of a class that cannot have the generator's part.</summary>
    private static bool IsReportedByGenerator(Violation violation, ClassSpec type) =>
        violation.Id == DiagnosticIds.ModelClassShape && type.Error is { IsForGenerator: true };

    /// <summary>What failed in the generator alone stands in the class's emitted part.</summary>
    private static IEnumerable<Violation> EmissionFailure(INamedTypeSymbol type)
    {
        var prefix = DiagnosticIds.InternalError + ": ";
        if (type.GetMembers("__Error").FirstOrDefault() is IFieldSymbol { ConstantValue: string message }
            && message.StartsWith(prefix, StringComparison.Ordinal))
        {
            yield return new(DiagnosticIds.InternalError, new Site.Class(), message.Substring(prefix.Length));
        }
    }

    private bool Concerns(INamedTypeSymbol type) =>
        ClassAttributes.Of(methods).Any(type.HasAttribute) || LayerReader.Properties(type).Any();
}
