using Marrow.Generators.Emission;
using Marrow.Generators.Reading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators;

/// <summary>
/// Emits one file per model class: its layers, its forward method, its plan, and for an annotated class the
/// specialised layers. Each class is one equatable value, so that an edit re-emits only what it changes.
/// </summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        foreach (var attribute in KnownNames.ClassAttributes)
        {
            var closures = context.SyntaxProvider
                .ForAttributeWithMetadataName(
                    attribute,
                    static (node, _) => node is ClassDeclarationSyntax or RecordDeclarationSyntax,
                    (match, cancellation) => IsFirst((INamedTypeSymbol)match.TargetSymbol, attribute)
                        ? ClosureReader.Read((INamedTypeSymbol)match.TargetSymbol, match.SemanticModel.Compilation, cancellation)
                        : null)
                .WithTrackingName(TrackingNames.Closure);

            context.RegisterSourceOutput(closures, static (output, closure) =>
            {
                if (closure is not null && ModelFile.Emit(closure) is { } text)
                {
                    output.AddSource(ModelFile.HintName(closure.Root), text);
                }
            });
        }
    }

    /// <summary>A class with several of the attributes is emitted for the first one.</summary>
    private static bool IsFirst(INamedTypeSymbol type, string attribute) =>
        KnownNames.ClassAttributes.First(type.HasAttribute) == attribute;
}
