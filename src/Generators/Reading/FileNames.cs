using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Names of emitted files, which the compiler compares without regard to case.</summary>
internal static class FileNames
{
    /// <summary>The class's full name, with a suffix where only case tells it from another one's.</summary>
    public static string Of(INamedTypeSymbol type)
    {
        var name = type.Key();
        return IsAmbiguous(type) || IsNamedLayers(type) ? $"{name}.{Hash(name):x8}" : name;
    }

    /// <summary>Whether the file would have the name of the file of an outer class's layers.</summary>
    private static bool IsNamedLayers(INamedTypeSymbol type) => type.ContainingType is not null
        && string.Equals(type.Name, "Layers", StringComparison.OrdinalIgnoreCase);

    private static bool IsAmbiguous(ISymbol symbol)
    {
        var current = symbol;
        while (current is { ContainingSymbol: INamespaceOrTypeSymbol container })
        {
            if (container.GetMembers().Any(other => other is INamespaceOrTypeSymbol && other.Name != current.Name
                && string.Equals(other.Name, current.Name, StringComparison.OrdinalIgnoreCase)))
            {
                return true;
            }

            current = container;
        }

        return false;
    }

    /// <summary>FNV-1a: the same in every process, unlike <see cref="string.GetHashCode()"/>.</summary>
    private static uint Hash(string text) =>
        text.Aggregate(2166136261u, (hash, letter) => unchecked((hash ^ letter) * 16777619u));
}
