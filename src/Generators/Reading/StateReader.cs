using Marrow.Generators.Declarations;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Finds the modules and tensors that a model class holds beside its layers.</summary>
internal static class StateReader
{
    private const string Module = "TorchSharp.torch.nn.Module";

    public static IEnumerable<UndeclaredState> Read(INamedTypeSymbol type) =>
        from member in type.GetMembers()
        where !member.IsStatic && !LayerReader.IsLayer(member) && IsWritten(member)
        let held = Held(member)
        where held is not null
        let state = State(held)
        where state is not null
        select new UndeclaredState(
            member.Name,
            $"{(member is IFieldSymbol ? "field" : "property")} '{member.Name}' holds "
                + (SymbolEqualityComparer.Default.Equals(state, held) ? "a " : "objects of type ")
                + state.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat).TrimEnd('?'),
            Advice(member.Name, state));

    /// <summary>The type of a field, or of a property that keeps a value.</summary>
    private static ITypeSymbol? Held(ISymbol member) => member switch
    {
        IFieldSymbol { IsConst: false, IsImplicitlyDeclared: false } field => field.Type,
        IPropertySymbol property when property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(
            field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property)) => property.Type,
        _ => null,
    };

    /// <summary>The module or tensor type that a value is, or that a collection or a tuple has; null if none.</summary>
    private static ITypeSymbol? State(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => State(array.ElementType),
        INamedTypeSymbol { TypeKind: TypeKind.Delegate } => null,
        INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable =>
            State(nullable.TypeArguments[0]),
        INamedTypeSymbol { IsTupleType: true } tuple =>
            tuple.TupleElements.Select(element => State(element.Type)).FirstOrDefault(found => found is not null),
        INamedTypeSymbol named when IsState(named) => named,
        INamedTypeSymbol named when named.AllInterfaces.Any(IsSequence) || IsSequence(named) =>
            named.TypeArguments.Select(State).FirstOrDefault(found => found is not null),
        _ => null,
    };

    private static bool IsSequence(INamedTypeSymbol type) =>
        type.SpecialType == SpecialType.System_Collections_IEnumerable;

    private static bool IsState(ITypeSymbol type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            if (current.FullName() is Module or KnownNames.Tensor
                || (current is INamedTypeSymbol named && named.HasAttribute(KnownNames.Model)))
            {
                return true;
            }
        }

        return false;
    }

    private static string Advice(string member, ITypeSymbol state)
    {
        var name = member.TrimStart('_') is { Length: > 0 } word
            ? char.ToUpperInvariant(word[0]) + word.Substring(1)
            : member;
        var full = state.FullName();
        var layer = KnownNames.Layers.FirstOrDefault(pair => pair.Value == full && full != KnownNames.Tensor).Key;
        return full switch
        {
            KnownNames.Tensor =>
                $"[Parameter(…)] public partial Tensor {name} {{ get; }} if it is trained, [Buffer(…)] if not",
            "TorchSharp.Modules.Parameter" => $"[Parameter(…)] public partial Tensor {name} {{ get; }}",
            _ when layer is not null =>
                $"[{layer.Substring(7).Replace("Attribute", "")}(…)] public partial {state.Name} {name} {{ get; }}",
            _ when full.StartsWith("TorchSharp.", StringComparison.Ordinal) =>
                $"a class of your own that derives from nn.Module and registers it, as "
                    + $"[Block(…)] public partial My{state.Name} {name} {{ get; }}",
            _ => $"[Block(…)] public partial {state.Name} {name} {{ get; }}",
        };
    }

    /// <summary>A member of the user's own; analyzers see those of the emitted part too.</summary>
    private static bool IsWritten(ISymbol member) => member.DeclaringSyntaxReferences.Any(reference =>
        !reference.SyntaxTree.FilePath.EndsWith(".g.cs", StringComparison.Ordinal));
}
