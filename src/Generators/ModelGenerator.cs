using Marrow.Generators.Emission;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
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

            context.RegisterSourceOutput(classes, (output, input) =>
            {
                foreach (var file in input is null ? [] : ModelFiles.Emit(input, methods))
                {
                    output.AddSource(file.Name, file.Text);
                }
            });
        }
    }
}
