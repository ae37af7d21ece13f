using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>Names that a model class has from its base or from its emitted part.</summary>
internal static class ReservedNames
{
    /// <summary>Members of the emitted part.</summary>
    public static readonly string[] Emitted = ["Plan", "forward", "BuildLayers", "Specialize", "MapCheckpoint"];

    private static readonly ConditionalWeakTable<Compilation, HashSet<string>> OfCompilations = new();

    /// <summary>Names that a layer cannot have, because it would hide a member that models live by.</summary>
    public static ISet<string> OfBase(Compilation compilation) => OfCompilations.GetValue(compilation, Inherited);

    /// <summary>The names of <see cref="Emitted"/> that the user's own parts of a class declare.</summary>
    public static IEnumerable<string> DeclaredIn(INamedTypeSymbol type, CancellationToken cancellation = default) =>
        from name in Emitted
        where type.GetMembers(name).Any(member => !member.IsImplicitlyDeclared && IsWritten(member, cancellation))
        select name;

    /// <summary>Whether the user's own parts have a <c>forward</c> that does not override the base's.</summary>
    public static bool HidesForward(INamedTypeSymbol type) => type.GetMembers("forward").OfType<IMethodSymbol>().Any(
        method => !method.IsOverride
            && (method.HasAttribute(KnownNames.Forward) || IsWritten(method, CancellationToken.None)));

    /// <summary>A member that is not the emitted one, which analyzers see too.</summary>
    private static bool IsWritten(ISymbol member, CancellationToken cancellation) =>
        !LayerReader.IsLayer(member)
            && !(member.Name == "forward" && member.HasAttribute(KnownNames.Forward)) // MRW007
            && member.DeclaringSyntaxReferences.Any(reference =>
                !reference.SyntaxTree.FilePath.EndsWith(".g.cs", StringComparison.Ordinal)
                    && reference.GetSyntax(cancellation) is MemberDeclarationSyntax or VariableDeclaratorSyntax);

    private static HashSet<string> Inherited(Compilation compilation)
    {
        var names = new HashSet<string>(Emitted);
        for (
            var current = compilation.GetTypeByMetadataName("Marrow.Model`2");
            current is { SpecialType: not SpecialType.System_Object };
            current = current.BaseType)
        {
            names.UnionWith(current.GetMembers()
                .Where(member => member is IMethodSymbol { MethodKind: MethodKind.Ordinary } or IFieldSymbol
                    or IPropertySymbol or IEventSymbol or INamedTypeSymbol)
                .Where(member => member.DeclaredAccessibility is Accessibility.Public or Accessibility.Protected
                    or Accessibility.ProtectedOrInternal)
                .Select(member => member.Name));
        }

        return names;
    }
}
