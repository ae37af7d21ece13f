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
        var layers = new LayerReader(type, sizes, annotations, ReservedNames.OfBase(compilation));

        var baseModel = BaseModel(type);
        var replacements = ReplacementReader.Read(type).ToList();
        var isLocal = SymbolEqualityComparer.Default.Equals(type.ContainingAssembly, compilation.Assembly);
        var spec = new ClassSpec(
            Key: type.Key(),
            Name: type.Name,
            Namespace: NamespaceOf(type),
            Containers: Containers(type).ToEquatable(),
            FileName: isLocal ? FileNames.Of(type) : "",
            IsLocal: isLocal,
            IsModel: type.IsModel(),
            Error: isLocal ? Error(type, baseModel, methods) : null,
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
            Recomputes: type.HasAttribute(KnownNames.Recompute))
        {
            Declaration = Declaration(type),
            HasPrimaryConstructor = !isLocal || (HasPrimaryConstructor(type) && !parameters.Any(IsUnkeepable)),
            IsRepeated = isLocal && RepeatedClasses.Contain(type),
            OwnNames = isLocal ? ReservedNames.DeclaredIn(type).ToEquatable() : default,
            HidesForward = isLocal && ReservedNames.HidesForward(type),
            Mapping = MappingReader.Read(type, sizes),
            Undeclared = isLocal ? StateReader.Read(type).ToEquatable() : default,
            Replacements = replacements.Select(replacement => replacement.Spec).ToEquatable(),
        };
        var made = replacements.Select(replacement => replacement.Made).Where(model => model.IsModel());
        return new ClassReading(spec, [.. baseModel is null ? [] : new[] { baseModel }, .. layers.Models, .. made]);
    }

    /// <summary>
    /// As much of a class as its throwing members need, when reading all of it failed. Touches nothing but names.
    /// </summary>
    public static ClassSpec ReadSkeleton(INamedTypeSymbol type, MethodTable methods) => new(
        Key: type.Key(),
        Name: type.Name,
        Namespace: NamespaceOf(type),
        Containers: Containers(type).ToEquatable(),
        FileName: FileNames.Of(type),
        IsLocal: true,
        IsModel: type.IsModel(),
        Error: Error(type, BaseModel(type), methods),
        BaseKey: BaseModel(type)?.Key(),
        BaseArguments: default,
        Parameters: (Constructor(type)?.Parameters ?? []).Select(Parameter).ToEquatable(),
        Forward: ForwardReader.Read(type),
        Layers: LayerReader.Skeletons(type).ToEquatable<LayerSpec>(),
        Adapters: default,
        Quantizer: null,
        Marker: null,
        Recomputes: false)
    {
        Declaration = Declaration(type),
        HasPrimaryConstructor = HasPrimaryConstructor(type),
        OwnNames = ReservedNames.DeclaredIn(type).ToEquatable(),
        HidesForward = ReservedNames.HidesForward(type),
    };

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
            containers.Push(Declaration(outer));
        }

        return containers;
    }

    /// <summary>What another part of a type starts with: <c>partial record struct Pair&lt;T&gt;</c>.</summary>
    private static string Declaration(INamedTypeSymbol type)
    {
        var keyword = (type.IsRecord, type.TypeKind) switch
        {
            (true, TypeKind.Struct) => "record struct",
            (true, _) => "record",
            (_, TypeKind.Struct) => "struct",
            (_, TypeKind.Interface) => "interface",
            _ => "class",
        };
        var parameters = string.Join(", ", type.TypeParameters.Select(parameter => Symbols.Escape(parameter.Name)));
        return $"partial {keyword} {Symbols.EscapeType(type.Name)}{(parameters.Length == 0 ? "" : $"<{parameters}>")}";
    }

    private static bool HasPrimaryConstructor(INamedTypeSymbol type) =>
        Declarations(type).Any(part => part.ParameterList is not null);

    private static bool IsUnkeepable(IParameterSymbol parameter) =>
        parameter.Type.IsRefLikeType || parameter.Type.TypeKind is TypeKind.Pointer or TypeKind.FunctionPointer;

    private static IEnumerable<TypeDeclarationSyntax> Declarations(INamedTypeSymbol type) =>
        type.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax())
            .OfType<TypeDeclarationSyntax>();

    /// <summary>MRW001 in words.</summary>
    private static ClassError? Error(INamedTypeSymbol type, INamedTypeSymbol? baseModel, MethodTable methods) =>
        Error(type, baseModel) is { } error
            ? CanHaveAnotherPart(type) ? error : error with { Stub = Stub.None }
            : LayerReader.Properties(type).Any() && !ClassAttributes.Of(methods).Any(type.HasAttribute)
                ? new("has layers, but is not marked; add [Model]")
                : null;

    private static ClassError? Error(INamedTypeSymbol type, INamedTypeSymbol? baseModel)
    {
        if (type.IsRecord)
        {
            return new("is a record; make it a class", Stub: Stub.Members);
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

        if (constructors is [{ Parameters.Length: > 0 }] && !HasPrimaryConstructor(type))
        {
            return new("takes its sizes in an ordinary constructor; make them primary-constructor parameters");
        }

        if (
            constructors is [var only]
                && only.Parameters.FirstOrDefault(parameter => parameter.RefKind != RefKind.None) is { } byReference)
        {
            return new($"takes '{byReference.Name}' by reference; a model keeps its sizes");
        }

        if (constructors.SelectMany(constructor => constructor.Parameters).FirstOrDefault(IsUnkeepable) is { } span)
        {
            return new($"takes '{span.Name}', of a type that no field can hold; a model keeps its sizes");
        }

        if (baseModel is null
            && type.BaseType is { SpecialType: not SpecialType.System_Object, TypeKind: not TypeKind.Error } other
            && !other.IsRuntimeModelBase())
        {
            return new(
                $"derives from '{other.Name}', which is no model; a model derives from nothing or from a model",
                Stub: Stub.Members,
                IsIncomplete: other.IsAbstract);
        }

        if (ReservedNames.Emitted.Contains(type.Name))
        {
            return new("has the name of a member that every model has; rename it");
        }

        if (ReservedNames.DeclaredIn(type).FirstOrDefault() is { } name)
        {
            return new(name == "forward"
                ? "declares 'forward', which the emitted part does; name it 'Network' and mark it [Forward]"
                : $"declares '{name}', a name that the emitted part uses; rename it");
        }

        return null;
    }

    /// <summary>Whether a file of its own can hold another part of the class.</summary>
    private static bool CanHaveAnotherPart(INamedTypeSymbol type)
    {
        for (var current = type; current is not null; current = current.ContainingType)
        {
            if (!IsPartial(current) || current.IsFileLocal || current.IsStatic && ReferenceEquals(current, type))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsPartial(INamedTypeSymbol type) =>
        Declarations(type).All(part => part.Modifiers.Any(SyntaxKind.PartialKeyword));
}
