using System.Collections.Immutable;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Emission;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
using Marrow.Generators.Rules;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators;

/// <summary>
/// Emits the other part of each model class: its layers, its forward method, its plan; and for an annotated class the
/// classes of its layers. Each class is one equatable value, so that an edit re-emits only what it changes, and fails
/// for itself.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    private readonly MethodTable methods;

    /// <summary>Makes the generator with the methods that come with it.</summary>
    public ModelGenerator()
        : this(MethodTable.All)
    {
    }

    /// <summary>Makes the generator with other methods.</summary>
    internal ModelGenerator(MethodTable methods) => this.methods = methods;

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        foreach (var attribute in ClassAttributes.Of(methods))
        {
            var classes = context.SyntaxProvider
                .ForAttributeWithMetadataName(
                    attribute,
                    static (node, _) => node is ClassDeclarationSyntax or RecordDeclarationSyntax,
                    (match, cancellation) => ClassAttributes.IsAnchor(match, attribute, methods)
                        ? GeneratorInput.Read(
                            (INamedTypeSymbol)match.TargetSymbol,
                            match.SemanticModel.Compilation,
                            methods,
                            cancellation)
                        : null)
                .WithTrackingName(TrackingNames.Input);

            context.RegisterSourceOutput(classes, Emit);
        }

        // Classes whose layers would have no implementation, because nothing marks the class.
        foreach (var attribute in KnownNames.Layers.Keys)
        {
            var classes = context.SyntaxProvider
                .ForAttributeWithMetadataName(
                    attribute,
                    static (node, _) => node is PropertyDeclarationSyntax,
                    (match, cancellation) => ClassAttributes.Unmarked(match.TargetSymbol, methods) is { } type
                        ? GeneratorInput.Read(type, match.SemanticModel.Compilation, methods, cancellation)
                        : null)
                .Where(input => input is not null);
            context.RegisterSourceOutput(classes, Emit);
        }
    }

    private void Emit(SourceProductionContext output, GeneratorInput? input)
    {
        if (input is null)
        {
            return;
        }

        foreach (var file in ModelFiles.Emit(input, methods))
        {
            output.AddSource(file.Name, file.Text);
        }

        // Its declarations are errors of the compiler, which then drops what analyzers say.
        if (input is { Name: { } name, Closure.Root: { IsRepeated: false } type }
            && ClassShapeRule.Of(type) is { } violation)
        {
            output.ReportDiagnostic(Diagnostic.Create(
                Descriptors.Of(violation.Id),
                name.Location,
                ImmutableDictionary<string, string?>.Empty.Add(
                    DiagnosticIds.FixesProperty, string.Join(",", violation.Fixes)),
                violation.Message));
        }
    }
}
