using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Marrow.Generators.Methods;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>Reads one class declaration.</summary>
internal static class ClassReader
{
    public static ClassReading Read(INamedTypeSymbol type, Compilation compilation, MethodTable methods)
    {
        var parameters = Constructor(type)?.Parameters ?? [];
        var sizes = new SizeReader(type, [.. parameters.Select(parameter => parameter.Name)]);
        var annotations = new AnnotationReader(methods, sizes);
        var layers = new LayerReader(type, sizes, annotations);

        var baseModel = BaseModel(type);
        var isLocal = SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, compilation.Assembly);
        var spec = new ClassSpec(
            Key: type.Key(),
            Name: type.Name,
            Namespace: NamespaceOf(type),
            Containers: Containers(type).ToEquatable(),
            FileName: isLocal ? FileNames.Of(type) : "",
            IsLocal: isLocal,
            IsModel: type.IsModel(),
            Error: isLocal ? Error(type, baseModel) : null,
            BaseKey: baseModel?.Key(),
            BaseArguments: (baseModel is null
                ? []
                : BaseCallReader.Read(type, baseModel, sizes, isLocal ? compilation : null)).ToEquatable(),
            Parameters: parameters.Select(Parameter).ToEquatable(),
            Forward: isLocal ? ForwardReader.Read(type) : ForwardSpec.None,
            Layers: layers.Read().ToEquatable(),
            Adapters: annotations.Adapters(type).ToEquatable(),
            Quantizer: annotations.Quantizer(type),
            Marker: annotations.Marker(type),
            Recomputes: type.HasAttribute(KnownNames.Recompute));

        return new ClassReading(spec, baseModel is null ? layers.Models : [baseModel, .. layers.Models]);
    }

    /// <summary>
    /// As much of a class as its throwing members need, when reading all of it failed. Touches nothing but names.
    /// </summary>
    public static ClassSpec ReadSkeleton(INamedTypeSymbol type) => new(
        Key: type.Key(),
        Name: type.Name,
        Namespace: NamespaceOf(type),
        Containers: Containers(type).ToEquatable(),
        FileName: FileNames.Of(type),
        IsLocal: true,
        IsModel: type.IsModel(),
        Error: Error(type, BaseModel(type)),
        BaseKey: BaseModel(type)?.Key(),
        BaseArguments: default,
        Parameters: (Constructor(type)?.Parameters ?? []).Select(Parameter).ToEquatable(),
        Forward: ForwardReader.Read(type),
        Layers: LayerReader.Skeletons(type).ToEquatable<LayerSpec>(),
        Adapters: default,
        Quantizer: null,
        Marker: null,
        Recomputes: false);

    public static ParameterSpec Parameter(IParameterSymbol parameter) => new(
        parameter.Name,
        parameter.Type.Text(),
        parameter.HasExplicitDefaultValue ? SizeReader.Default(parameter) : null);

    private static INamedTypeSymbol? BaseModel(INamedTypeSymbol type) =>
        type.BaseType is { } candidate && candidate.IsModel() && !candidate.IsRuntimeModelBase() ? candidate : null;

    private static string NamespaceOf(INamedTypeSymbol type) =>
        type.ContainingNamespace is { IsGlobalNamespace: false } space
            ? space.ToDisplayString(Symbols.EscapedName)
            : "";

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
            containers.Push($"partial {keyword} {Symbols.Escape(outer.Name)}");
        }

        return containers;
    }

    /// <summary>MRW001 in words.</summary>
    private static ClassError? Error(INamedTypeSymbol type, INamedTypeSymbol? baseModel)
    {
        var declarations = type.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax())
            .OfType<TypeDeclarationSyntax>()
            .ToList();
        if (type.IsRecord)
        {
            return new("is a record; make it a class");
        }

        if (type.IsStatic)
        {
            return new("is static; a model has state");
        }

        for (var current = type; current is not null; current = current.ContainingType)
        {
            var isSelf = ReferenceEquals(current, type);
            if (current.IsFileLocal)
            {
                return new(isSelf
                    ? "is file-local; remove 'file', the emitted part lies in another file"
                    : $"lies in '{current.Name}', which is file-local; remove 'file' there");
            }

            if (current.IsGenericType)
            {
                return new(
                    isSelf ? "is generic; state the types" : $"lies in the generic type '{current.Name}'; move it out");
            }

            if (!IsPartial(current))
            {
                return new(
                    isSelf
                        ? "is not partial; add 'partial'"
                        : $"lies in '{current.Name}', which is not partial; add 'partial' there",
                    IsPartialMissing: true);
            }
        }

        var constructors = type.InstanceConstructors.Where(constructor => !constructor.IsImplicitlyDeclared).ToList();
        if (constructors.Count > 1)
        {
            return new($"has {constructors.Count} constructors; a model has one");
        }

        if (constructors is [{ Parameters.Length: > 0 }] && declarations.All(part => part.ParameterList is null))
        {
            return new("takes its sizes in an ordinary constructor; make them primary-constructor parameters");
        }

        if (
            constructors is [var only]
                && only.Parameters.FirstOrDefault(parameter => parameter.RefKind != RefKind.None) is { } byReference)
        {
            return new($"takes '{byReference.Name}' by reference; a model keeps its sizes");
        }

        return baseModel is null
            && type.BaseType is { SpecialType: not SpecialType.System_Object, TypeKind: not TypeKind.Error } other
            && !other.IsRuntimeModelBase()
                ? new($"derives from '{other.Name}', which is no model; a model derives from nothing or from a model")
                : null;
    }

    private static bool IsPartial(INamedTypeSymbol type) => type.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<TypeDeclarationSyntax>()
        .All(part => part.Modifiers.Any(SyntaxKind.PartialKeyword));
}
