using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Marrow.Generators.Methods;
using Marrow.Generators.Sizes;
using Marrow.Shared;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>Reads the layer properties of a class.</summary>
/// <param name="type">The class.</param>
/// <param name="sizes">Reads its size expressions.</param>
/// <param name="annotations">Reads its adapters and quantizers.</param>
/// <param name="reserved">Names that no layer can have.</param>
internal sealed class LayerReader(
    INamedTypeSymbol type, SizeReader sizes, AnnotationReader annotations, ISet<string> reserved)
{
    private readonly List<INamedTypeSymbol> models = [];

    /// <summary>The models that the layers read so far contain.</summary>
    public IReadOnlyList<INamedTypeSymbol> Models => models;

    public IReadOnlyList<LayerSpec> Read() =>
        [.. Properties(type).Select(property => Read(property, LayerAttribute(property)!))];

    /// <summary>The layers of a class, by their names alone.</summary>
    public static IEnumerable<LayerSpec> Skeletons(INamedTypeSymbol type) => Properties(type)
        .Select(
            property => new UnreadableSpec(
                Property(property, LayerAttribute(property)!, error: null, errors: default)));

    /// <summary>The properties of a class that carry a layer attribute, in the order of declaration.</summary>
    public static IEnumerable<IPropertySymbol> Properties(INamedTypeSymbol type) => type.GetMembers()
        .OfType<IPropertySymbol>()
        .Where(property => LayerAttribute(property) is not null);

    public static bool IsLayer(ISymbol member) =>
        member is IPropertySymbol property && LayerAttribute(property) is not null;

    public static AttributeData? LayerAttribute(IPropertySymbol property) => property.GetAttributes()
        .FirstOrDefault(
            attribute => attribute.AttributeClass is { } kind && KnownNames.Layers.ContainsKey(kind.FullName()));

    private static PropertySpec Property(
        IPropertySymbol property, AttributeData attribute, string? error, EquatableArray<ArgumentError> errors)
    {
        var name = property.Attribute(KnownNames.Name)?.ConstructorArguments.FirstOrDefault().Value as string;
        return new PropertySpec(
            property.Name,
            name ?? LayerNames.SnakeCase(property.Name),
            IsNamed: name is not null,
            property.HasAttribute(KnownNames.Head),
            property.HasAttribute(KnownNames.Train),
            Modifiers(property),
            property.Type.Text(),
            Short(attribute),
            error,
            errors)
        {
            Field = IsParameter(property) ? $"__{property.Name}_" : $"__{property.Name}",
            Setter = Setter(property),
        };
    }

    /// <summary>Whether the copy of a constructor's parameter has the name that the layer's field would have.</summary>
    private static bool IsParameter(IPropertySymbol property) => property.ContainingType.InstanceConstructors
        .Any(constructor => constructor.Parameters.Any(parameter => parameter.Name == property.Name));

    private static string? Setter(IPropertySymbol property) => property.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<PropertyDeclarationSyntax>()
        .SelectMany(syntax => syntax.AccessorList?.Accessors ?? default)
        .Where(accessor => !accessor.IsKind(SyntaxKind.GetAccessorDeclaration))
        .Select(accessor => string.Join(" ", accessor.Modifiers.Select(modifier => modifier.Text).Append(
            accessor.Keyword.Text)))
        .FirstOrDefault();

    private LayerSpec Read(IPropertySymbol property, AttributeData attribute)
    {
        var kind = attribute.AttributeClass!.FullName();
        var isRepeated = attribute.NamedArguments.Any(option => option.Key == "Count" && !option.Value.IsNull);
        var (inside, options) = (isRepeated ? sizes.OfCopies : sizes, new OptionReader(attribute, sizes));
        var ofCopies = new OptionReader(attribute, inside);
        var init = kind != "Marrow.BufferAttribute" && (options.Has("Init") || options.Has("Std"))
            ? new InitSpec(options.Member<ParameterInit>("Init"), Whole("Std") ?? new SizeExpression.Literal(0.02))
            : null;
        var spec = Property(property, attribute, Error(property, attribute), options.Errors) with
        {
            Count = Whole("Count"),
            When = Whole("When"),
            Init = init,
        };
        var arguments = attribute.ConstructorArguments;
        LayerSpec layer = (kind, arguments.Length) switch
        {
            (KnownNames.Linear, 2) => new LinearSpec(
                spec,
                Size(0),
                Size(1),
                Option("Bias", true),
                options.Text("Tie"),
                TieError(options.Text("Tie")),
                Option("TieWhen", true),
                Given("Tokens"),
                options.Flag("PositiveInput"))
            {
                WritesBias = options.Has("Bias"),
            },
            ("Marrow.Conv2dAttribute", 3) => new Conv2dSpec(
                spec,
                Size(0),
                Size(1),
                Size(2),
                Option("Stride", 1L),
                Option("Padding", 0L),
                Option("Groups", 1L),
                Option("Bias", true),
                Given("Tokens")),
            ("Marrow.AttentionAttribute", 2) => new AttentionSpec(
                spec,
                Size(0),
                Size(1),
                Option("QkvBias", true),
                Option("Window", 0L),
                Option("Shift", 0L),
                Given("Tokens"),
                annotations.Marker(property)),
            (KnownNames.Embedding, 2) => new EmbeddingSpec(spec, Size(0), Size(1), Given("PaddingIndex")),
            ("Marrow.RmsNormAttribute", 1) => new RmsNormSpec(
                spec, Size(0), Option("Eps", 1e-6), Option("ZeroCentered", false)),
            ("Marrow.LayerNormAttribute", 1) =>
                new LayerNormSpec(spec, Size(0), Option("Eps", 1e-5), Option("Bias", true)),
            ("Marrow.DropoutAttribute", 1) => new DropoutSpec(spec, Size(0)),
            ("Marrow.ParameterAttribute", _) => new TensorSpec(spec, List(sizes)),
            ("Marrow.BufferAttribute", _) => new BufferSpec(
                spec,
                List(sizes),
                options.Text("Init"),
                InitError(options.Text("Init")),
                options.Flag("Persistent")),
            _ when KnownNames.TorchLayers.TryGetValue(kind, out var torch)
                && torch.Arguments.Count(argument => argument.IsRequired) == arguments.Length => Torch(torch),
            (KnownNames.Block, _) when ElementType(property.Type, kind) is { } element => new BlockSpec(
                spec,
                Model(element),
                element.Text(),
                Parameters(element, List(sizes).Count),
                List(inside),
                property.HasAttribute(KnownNames.Recompute))
            {
                IsReplaceable = !element.IsSealed,
            },
            _ => new UnreadableSpec(spec),
        };
        return layer with
        {
            Adapters = layer is LinearSpec or Conv2dSpec or EmbeddingSpec
                ? annotations.Adapters(property).ToEquatable()
                : default,
            Quantizer = layer is LinearSpec or Conv2dSpec or AttentionSpec ? annotations.Quantizer(property) : null,
        };

        SizeExpression Size(int index) => inside.FromAttribute(arguments[index]);

        SizeExpression Option(string option, object unset) =>
            ofCopies.Size(option) ?? new SizeExpression.Literal(unset);

        SizeExpression? Given(string option) => Optional(ofCopies, option);

        // What all copies share.
        SizeExpression? Whole(string option) => Optional(options, option);

        // null is how an optional size is left out.
        SizeExpression? Optional(OptionReader reader, string option) =>
            reader.Size(option) is { } size and not SizeExpression.Invalid { Text: "null" } ? size : null;

        TorchLayerSpec Torch(TorchLayerKind torch)
        {
            var required = torch.Arguments.Where(argument => argument.IsRequired).ToList();
            return new TorchLayerSpec(
                spec,
                torch,
                required.Select((argument, i) => new TorchValue(argument.Name, Size(i)))
                    .Concat(
                        from argument in torch.Arguments.Skip(required.Count)
                        where Given(argument.Name) is not null
                        select new TorchValue(argument.Name, Given(argument.Name)!))
                    .ToEquatable());
        }

        EquatableArray<SizeExpression> List(SizeReader reader) =>
            arguments is [{ Kind: TypedConstantKind.Array, IsNull: false } list, ..]
                ? list.Values.Select(reader.FromAttribute).ToEquatable()
                : default;
    }

    private string? Model(ITypeSymbol element)
    {
        if (element is INamedTypeSymbol named && named.IsModel())
        {
            models.Add(named);
            return named.Key();
        }

        return null;
    }

    /// <summary>The parameters of the constructor that takes this many arguments, or of the longest one.</summary>
    private EquatableArray<ParameterSpec> Parameters(ITypeSymbol element, int arguments)
    {
        var constructors = Constructors(element);
        var fitting = constructors.FirstOrDefault(constructor => arguments <= constructor.Parameters.Length
            && arguments >= constructor.Parameters.Count(parameter => !parameter.HasExplicitDefaultValue));
        return (fitting ?? constructors.FirstOrDefault())?.Parameters.Select(ClassReader.Parameter).ToEquatable()
            ?? default;
    }

    /// <summary>The constructors that emitted code can call, the longest first.</summary>
    private List<IMethodSymbol> Constructors(ITypeSymbol element) => [.. ((element as INamedTypeSymbol)
        ?.InstanceConstructors ?? [])
        .Where(constructor => constructor.DeclaredAccessibility == Accessibility.Public
            || SymbolEqualityComparer.Default.Equals(constructor.ContainingAssembly, type.ContainingAssembly))
        .Where(constructor => constructor.DeclaredAccessibility != Accessibility.Private)
        .OrderByDescending(constructor => constructor.Parameters.Length)];

    private SizeExpression.Invalid? TieError(string? tie)
    {
        if (tie is null)
        {
            return null;
        }

        var embeddings = Members().OfType<IPropertySymbol>()
            .Where(property => property.HasAttribute(KnownNames.Embedding))
            .Select(property => property.Name)
            .ToList();
        return embeddings.Contains(tie) ? null : Unknown(tie, "embedding property", embeddings);
    }

    private SizeExpression.Invalid? InitError(string? init)
    {
        if (init is null)
        {
            return null;
        }

        var methods = Members().OfType<IMethodSymbol>()
            .Where(method => method is { MethodKind: MethodKind.Ordinary, Parameters.Length: 0, IsGenericMethod: false }
                && method.ReturnType.FullName() == KnownNames.Tensor
                && (method.DeclaredAccessibility != Accessibility.Private
                    || SymbolEqualityComparer.Default.Equals(method.ContainingType, type)))
            .Select(method => method.Name)
            .ToList();
        if (init == "builder")
        {
            return new(init, "emitted code has a variable of this name; rename the method");
        }

        return methods.Contains(init) ? null : Unknown(init, "method without arguments that returns a Tensor", methods);
    }

    private SizeExpression.Invalid Unknown(string name, string what, IReadOnlyList<string> candidates) => new(
        name,
        $"'{name}' is no {what} of {type.Name}"
            + (Suggestion.Nearest(name, candidates) is { } nearest ? $"; did you mean '{nearest}'?" : ""));

    private IEnumerable<ISymbol> Members()
    {
        for (var current = type; current is not null; current = current.BaseType)
        {
            foreach (var member in current.GetMembers())
            {
                yield return member;
            }
        }
    }

    private static ITypeSymbol? ElementType(ITypeSymbol declared, string kind) =>
        kind == KnownNames.Block && Element(declared) is { TypeKind: not TypeKind.Error } element ? element : null;

    /// <summary>The type of a list's items, or the type itself.</summary>
    private static ITypeSymbol Element(ITypeSymbol declared) =>
        declared is INamedTypeSymbol { TypeArguments: [var element] } list && list.FullName() == KnownNames.ModuleList
            ? element
            : declared.WithNullableAnnotation(NullableAnnotation.None);

    private static string Short(AttributeData attribute) => attribute.AttributeClass!.Name.Replace("Attribute", "");

    private static string Modifiers(IPropertySymbol property) => property.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<PropertyDeclarationSyntax>()
        .Select(syntax => string.Join(" ", syntax.Modifiers.Select(modifier => modifier.Text)))
        .FirstOrDefault() ?? "public";

    /// <summary>MRW002 in words.</summary>
    private string? Error(IPropertySymbol property, AttributeData attribute)
    {
        var syntax = property.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax())
            .OfType<PropertyDeclarationSyntax>()
            .FirstOrDefault();
        if (syntax is null)
        {
            return null;
        }

        var kind = attribute.AttributeClass!.FullName();
        var wanted = KnownNames.Layers[kind];
        var isList = property.Type is INamedTypeSymbol list && list.FullName() == KnownNames.ModuleList;
        var (hasCount, hasCondition) = (Has("Count"), Has("When"));
        return property switch
        {
            _ when reserved.Contains(property.Name) => "has the name of a member that every model has; rename it",
            { IsStatic: true } => "must not be static",
            {
                DeclaredAccessibility: not (
                Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal)
            } =>
                "must be public or protected; other assemblies cannot see it otherwise",
            _ when !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) => "must be partial",
            { SetMethod: not null } => "must be get-only",
            { IsVirtual: true } or { IsAbstract: true } or { IsOverride: true } =>
                "must not be virtual, abstract or an override",
            { Type.TypeKind: TypeKind.Error } => null,
            _ when wanted == KnownNames.Tensor && hasCount =>
                "must not be repeated by Count; give the tensor one more size",
            _ when isList && !hasCount => $"is a ModuleList, so [{Short(attribute)}] needs Count",
            _ when !isList && hasCount => $"must be a ModuleList, because [{Short(attribute)}] has Count",
            _ when wanted is not null && Element(property.Type).FullName() != wanted => isList
                ? $"must be a ModuleList of {wanted.Substring(wanted.LastIndexOf('.') + 1)}"
                : $"must be of type {wanted.Substring(wanted.LastIndexOf('.') + 1)}",
            { NullableAnnotation: NullableAnnotation.Annotated } when !hasCondition =>
                "must not be nullable; the layer is always there, unless When says otherwise",
            { NullableAnnotation: NullableAnnotation.NotAnnotated } when hasCondition =>
                "must be nullable, because When may leave the layer out",
            _ when wanted is null && ElementType(property.Type, kind) is { IsAbstract: true } element =>
                $"must be of a type that can be made, and '{element.Name}' is abstract",
            _ when wanted is null && ElementType(property.Type, kind) is { TypeKind: not TypeKind.Error } element
                && !IsModule(element) =>
                $"must be a model or a TorchSharp module, which '{element.Name}' is not",
            _ when wanted is null && ElementType(property.Type, kind) is { TypeKind: not TypeKind.Error } element
                && Constructors(element).Count == 0 =>
                $"is of type '{element.Name}', which has no constructor to call; declare a module around it",
            _ when property.GetAttributes().Count(other =>
                other.AttributeClass is { } one && KnownNames.Layers.ContainsKey(one.FullName())) > 1 =>
                "has two layer attributes",
            _ when kind != KnownNames.Linear
                && annotations.AdapterOn(
                    property, onlyLinear: kind is "Marrow.Conv2dAttribute" or KnownNames.Embedding) is { } adapter =>
                $"carries [{adapter}], which only a linear layer can",
            _ when kind != KnownNames.Linear && property.HasAttribute(KnownNames.Quantize)
                && annotations.AdapterOn(property) is { } adapter =>
                $"carries both [Quantize] and [{adapter}], which only a linear layer can",
            _ when kind is not (KnownNames.Linear or "Marrow.Conv2dAttribute" or "Marrow.AttentionAttribute")
                && property.HasAttribute(KnownNames.Quantize) =>
                "carries [Quantize], which only a linear layer, a convolution or an attention can",
            _ when kind != "Marrow.AttentionAttribute" && annotations.Marker(property) is { } marker =>
                $"carries [{marker}], which only an attention can",
            _ when kind != KnownNames.Block && property.HasAttribute(KnownNames.Recompute) =>
                "carries [Recompute], which only a block can",
            _ when kind != KnownNames.Linear && property.HasAttribute(KnownNames.Head) =>
                "carries [Head], which only a linear layer can",
            _ when wanted == KnownNames.Tensor && property.HasAttribute(KnownNames.Train) =>
                "carries [Train], which only a layer or a block can",
            _ when property.HasAttribute(KnownNames.Train) && annotations.AdapterOn(property) is { } adapter =>
                $"carries both [Train] and [{adapter}]; it is trained whole or adapted",
            _ => null,
        };

        bool Has(string option) => attribute.NamedArguments.Any(one => one.Key == option && !one.Value.IsNull);
    }

    private static bool IsModule(ITypeSymbol element)
    {
        for (var current = element; current is not null; current = current.BaseType)
        {
            if (
                current.FullName() == "TorchSharp.torch.nn.Module"
                    || (current is INamedTypeSymbol named && named.IsModel()))
            {
                return true;
            }
        }

        return element.TypeKind == TypeKind.Error;
    }
}
