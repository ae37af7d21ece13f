using Marrow.Generators.Equatable;
using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>Reads one class declaration.</summary>
internal static class ClassReader
{
    public static ClassReading Read(INamedTypeSymbol type, Compilation compilation)
    {
        var constructor = Constructor(type);
        var parameters = constructor?.Parameters ?? [];
        var expressions = new ExpressionReader(type, [.. parameters.Select(parameter => parameter.Name)]);
        var layers = new LayerReader(type, expressions);

        var baseModel = type.BaseType is { } candidate && candidate.IsModel() && !candidate.IsRuntimeModelBase()
            ? candidate
            : null;
        var isLocal = SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, compilation.Assembly);
        var spec = new ClassSpec(
            Key: type.Key(),
            Name: type.Name,
            Namespace: type.ContainingNamespace is { IsGlobalNamespace: false } space ? space.ToDisplayString() : "",
            Containers: Containers(type).ToEquatable(),
            IsLocal: isLocal,
            IsSealed: type.IsSealed,
            IsModel: type.IsModel(),
            Fault: isLocal ? Fault(type, baseModel) : null,
            BaseKey: baseModel?.Key(),
            BaseArguments: (baseModel is null
                ? []
                : BaseCallReader.Read(type, baseModel, expressions, isLocal ? compilation : null)).ToEquatable(),
            Parameters: parameters.Select(parameter => new ParameterSpec(
                parameter.Name,
                Symbols.TypeText(parameter.Type, type),
                parameter.HasExplicitDefaultValue ? ExpressionReader.Default(parameter) : null)).ToEquatable(),
            Forward: isLocal ? ForwardReader.Read(type) : ForwardSpec.None,
            Layers: layers.Read().ToEquatable(),
            Adapters: AdapterReader.Read(type, expressions).ToEquatable(),
            Quantizer: QuantizerReader.Read(type, expressions),
            IsQkr: type.HasAttribute(KnownNames.Qkr),
            Recomputes: type.HasAttribute(KnownNames.Recompute));

        return new ClassReading(spec, baseModel is null ? layers.Models : [baseModel, .. layers.Models]);
    }

    /// <summary>The one constructor; of a metadata class, the one with the most parameters.</summary>
    private static IMethodSymbol? Constructor(INamedTypeSymbol type) => type.InstanceConstructors
        .Where(constructor => !constructor.IsImplicitlyDeclared || constructor.Parameters.Length == 0)
        .OrderByDescending(constructor => constructor.Parameters.Length)
        .FirstOrDefault();

    private static IEnumerable<string> Containers(INamedTypeSymbol type)
    {
        var containers = new Stack<string>();
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            var keyword = (outer.IsRecord, outer.TypeKind) switch
            {
                (true, TypeKind.Struct) => "record struct",
                (true, _) => "record",
                (_, TypeKind.Struct) => "struct",
                (_, TypeKind.Interface) => "interface",
                _ => "class",
            };
            containers.Push($"partial {keyword} {outer.Name}");
        }

        return containers;
    }

    /// <summary>MRW001 in words.</summary>
    private static string? Fault(INamedTypeSymbol type, INamedTypeSymbol? baseModel)
    {
        var declarations = type.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax())
            .OfType<TypeDeclarationSyntax>()
            .ToList();
        if (type.IsRecord)
        {
            return "is a record; make it a class";
        }

        if (type.IsStatic)
        {
            return "is static; a model has state";
        }

        if (type.IsFileLocal)
        {
            return "is file-local; remove 'file', the emitted part lies in another file";
        }

        for (var current = type; current is not null; current = current.ContainingType)
        {
            if (current.IsGenericType)
            {
                return ReferenceEquals(current, type)
                    ? "is generic; state the types"
                    : $"lies in the generic type '{current.Name}'; move it out";
            }

            if (!IsPartial(current))
            {
                return ReferenceEquals(current, type)
                    ? "is not partial; add 'partial'"
                    : $"lies in '{current.Name}', which is not partial; add 'partial' there";
            }
        }

        var constructors = type.InstanceConstructors.Where(constructor => !constructor.IsImplicitlyDeclared).ToList();
        if (constructors.Count > 1)
        {
            return $"has {constructors.Count} constructors; a model has one";
        }

        if (constructors is [{ Parameters.Length: > 0 }] && declarations.All(part => part.ParameterList is null))
        {
            return "takes its sizes in an ordinary constructor; make them primary-constructor parameters";
        }

        return baseModel is null && type.BaseType is { SpecialType: not SpecialType.System_Object, TypeKind: not TypeKind.Error } other
            && !other.IsRuntimeModelBase()
                ? $"derives from '{other.Name}', which is no model; a model derives from nothing or from a model"
                : null;
    }

    private static bool IsPartial(INamedTypeSymbol type) => type.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<TypeDeclarationSyntax>()
        .All(part => part.Modifiers.Any(SyntaxKind.PartialKeyword));
}
