using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>
/// Reads the sizes that a variant states in its base call: from its syntax, or, for a class of another assembly,
/// from the record that the generator left on it.
/// </summary>
internal static class BaseCallReader
{
    /// <param name="type">The variant.</param>
    /// <param name="baseType">The model it derives from.</param>
    /// <param name="sizes">Reads size expressions of the variant.</param>
    /// <param name="compilation">The variant's compilation, or null for a class of another assembly.</param>
    /// <returns>One expression per parameter of the base's constructor, in their order.</returns>
    public static IReadOnlyList<SizeExpression> Read(
        INamedTypeSymbol type, INamedTypeSymbol baseType, SizeReader sizes, Compilation? compilation)
    {
        var parameters = baseType.InstanceConstructors
            .OrderByDescending(constructor => constructor.Parameters.Length)
            .FirstOrDefault(constructor => !constructor.IsImplicitlyDeclared)?.Parameters ?? [];
        var arguments = new SizeExpression?[parameters.Length];
        if (compilation is null)
        {
            var record = type.Attribute(KnownNames.BaseCall)?.ConstructorArguments.FirstOrDefault();
            var texts = record is { Kind: TypedConstantKind.Array, IsNull: false } array ? array.Values : [];
            for (var i = 0; i < Math.Min(arguments.Length, texts.Length); i++)
            {
                arguments[i] = sizes.FromRecord(texts[i].Value as string ?? "?", parameters[i].Type);
            }
        }
        else if (ArgumentList(type) is { } list)
        {
            var semantics = compilation.GetSemanticModel(list.SyntaxTree);
            for (var i = 0; i < list.Arguments.Count; i++)
            {
                var name = list.Arguments[i].NameColon?.Name.Identifier.ValueText;
                var index = name is null ? i : IndexOf(parameters, name);
                if (index >= 0 && index < arguments.Length)
                {
                    arguments[index] = sizes.FromBaseCall(list.Arguments[i].Expression, semantics);
                }
            }
        }

        return [.. parameters.Select((parameter, i) => arguments[i] ?? SizeReader.Default(parameter))];
    }

    /// <summary>The argument list of the base call, wherever the class is declared.</summary>
    public static ArgumentListSyntax? ArgumentList(INamedTypeSymbol type) => type.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<TypeDeclarationSyntax>()
        .Select(declaration =>
            declaration.BaseList?.Types.OfType<PrimaryConstructorBaseTypeSyntax>().FirstOrDefault()?.ArgumentList
            ?? declaration.Members.OfType<ConstructorDeclarationSyntax>()
                .FirstOrDefault(constructor => constructor.Initializer.IsKind(SyntaxKind.BaseConstructorInitializer))
                ?.Initializer?.ArgumentList)
        .FirstOrDefault(list => list is not null);

    private static int IndexOf(IReadOnlyList<IParameterSymbol> parameters, string name)
    {
        for (var i = 0; i < parameters.Count; i++)
        {
            if (parameters[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }
}
