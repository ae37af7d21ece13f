using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>
/// Which results of a [Forward] method can be kept: what the method computes is freed but for the tensors of its
/// result, so these must be found.
/// </summary>
internal static class ResultReader
{
    private static readonly string[] Lazy =
    [
        "System.Collections.IEnumerable", "System.Collections.IEnumerator", "System.Collections.Generic.IEnumerable",
        "System.Collections.Generic.IEnumerator", "System.Collections.Generic.IAsyncEnumerable", "System.Lazy",
        "System.Linq.IQueryable", "System.Threading.Tasks.Task", "System.Threading.Tasks.ValueTask",
    ];

    /// <summary>The end of a sentence that names the result's type; null if its tensors can be found.</summary>
    public static string? Error(ITypeSymbol result) =>
        Error(result, new HashSet<ITypeSymbol>(SymbolEqualityComparer.Default));

    private static string? Error(ITypeSymbol type, HashSet<ITypeSymbol> seen)
    {
        if (!seen.Add(type) || type.SpecialType != SpecialType.None && !Lazy.Contains(type.FullName())
            || type.FullName() is KnownNames.Tensor or "TorchSharp.Modules.Parameter")
        {
            return null;
        }

        if (type is IArrayTypeSymbol array)
        {
            return Error(array.ElementType, seen);
        }

        if (type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer || type.IsRefLikeType)
        {
            return $"where a {Name(type)} cannot be kept";
        }

        if (type.TypeKind == TypeKind.Delegate)
        {
            return $"where a {Name(type)} hides the tensors that it uses";
        }

        if (type is not INamedTypeSymbol named || type.TypeKind is TypeKind.Error or TypeKind.Enum)
        {
            return null;
        }

        if (Lazy.Contains(named.FullName()))
        {
            return "which is computed later, when its tensors are gone";
        }

        return named.FullName().StartsWith("TorchSharp.", StringComparison.Ordinal)
            ? $"where a {Name(type)} has its tensors to itself"
            : Parts(named).Select(part => Error(part, seen)).FirstOrDefault(error => error is not null);
    }

    /// <summary>The types of a library's type arguments, or of the fields of any other type.</summary>
    private static IEnumerable<ITypeSymbol> Parts(INamedTypeSymbol type) =>
        type.FullName().StartsWith("System.", StringComparison.Ordinal)
            ? type.TypeArguments
            : Bases(type)
                .SelectMany(current => current.GetMembers().OfType<IFieldSymbol>())
                .Where(field => !field.IsStatic)
                .Select(field => field.Type);

    private static IEnumerable<INamedTypeSymbol> Bases(INamedTypeSymbol type)
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            yield return current;
        }
    }

    private static string Name(ITypeSymbol type) =>
        type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat);
}
