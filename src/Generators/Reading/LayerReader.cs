using Marrow.Generators.Equatable;
using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Marrow.Generators.Reading;

/// <summary>Reads the layer properties of a class.</summary>
/// <param name="type">The class.</param>
/// <param name="expressions">Reads its size expressions.</param>
internal sealed class LayerReader(INamedTypeSymbol type, ExpressionReader expressions)
{
    private readonly List<INamedTypeSymbol> models = [];

    /// <summary>The models that the layers read so far contain.</summary>
    public IReadOnlyList<INamedTypeSymbol> Models => models;

    public IReadOnlyList<LayerSpec> Read() =>
    [
        .. Properties(type)
            .Select(property => Read(property, LayerAttribute(property)!))
            .OfType<LayerSpec>(),
    ];

    /// <summary>The properties of a class that carry a layer attribute, in the order of declaration.</summary>
    public static IEnumerable<IPropertySymbol> Properties(INamedTypeSymbol type) => type.GetMembers()
        .OfType<IPropertySymbol>()
        .Where(property => LayerAttribute(property) is not null);

    public static AttributeData? LayerAttribute(IPropertySymbol property) => property.GetAttributes()
        .FirstOrDefault(attribute => attribute.AttributeClass is { } kind && KnownNames.Layers.ContainsKey(kind.FullName()));

    private LayerSpec Read(IPropertySymbol property, AttributeData attribute)
    {
        var kind = attribute.AttributeClass!.FullName();
        var element = ElementType(property.Type, kind);
        var spec = new PropertySpec(
            property.Name,
            property.Attribute(KnownNames.Name)?.ConstructorArguments.FirstOrDefault().Value as string is { Length: > 0 } name
                ? name
                : LayerNames.SnakeCase(property.Name),
            Modifiers(property),
            Symbols.TypeText(property.Type, type),
            attribute.AttributeClass!.Name.Replace("Attribute", ""),
            Fault(property, attribute));

        var arguments = attribute.ConstructorArguments;
        return kind switch
        {
            "Marrow.LinearAttribute" when arguments.Length == 2 => new LinearSpec(
                spec,
                expressions.FromAttribute(arguments[0]),
                expressions.FromAttribute(arguments[1]),
                Option("Bias", true),
                Constant("Tie") as string,
                TieFault(Constant("Tie") as string),
                Option("TieWhen", true),
                AdapterReader.Read(property, expressions).ToEquatable(),
                QuantizerReader.Read(property, expressions),
                Optional("Tokens"),
                Constant("PositiveInput") is true),
            "Marrow.Conv2dAttribute" when arguments.Length == 3 => new Conv2dSpec(
                spec,
                expressions.FromAttribute(arguments[0]),
                expressions.FromAttribute(arguments[1]),
                expressions.FromAttribute(arguments[2]),
                Option("Stride", 1L),
                Option("Padding", 0L),
                Option("Groups", 1L),
                Option("Bias", true),
                Optional("Tokens"),
                QuantizerReader.Read(property, expressions)),
            "Marrow.AttentionAttribute" when arguments.Length == 2 => new AttentionSpec(
                spec,
                expressions.FromAttribute(arguments[0]),
                expressions.FromAttribute(arguments[1]),
                Option("QkvBias", true),
                Option("Window", 0L),
                Option("Shift", 0L),
                Optional("Tokens"),
                QuantizerReader.Read(property, expressions),
                property.HasAttribute(KnownNames.Qkr)),
            "Marrow.EmbeddingAttribute" when arguments.Length == 2 => new EmbeddingSpec(
                spec, expressions.FromAttribute(arguments[0]), expressions.FromAttribute(arguments[1])),
            "Marrow.RmsNormAttribute" when arguments.Length == 1 => new RmsNormSpec(
                spec, expressions.FromAttribute(arguments[0]), Option("Eps", 1e-6)),
            "Marrow.LayerNormAttribute" when arguments.Length == 1 => new LayerNormSpec(
                spec, expressions.FromAttribute(arguments[0]), Option("Eps", 1e-5), Option("Bias", true)),
            "Marrow.DropoutAttribute" when arguments.Length == 1 => new DropoutSpec(
                spec, expressions.FromAttribute(arguments[0])),
            "Marrow.ParameterAttribute" => new TensorSpec(
                spec, List(0), InitName(), Constant("Std") as double? ?? 0.02),
            "Marrow.BufferAttribute" => new BufferSpec(
                spec, List(0), Constant("Init") as string, BufferInitFault(Constant("Init") as string)),
            KnownNames.Block when element is not null => new BlockSpec(
                spec,
                Model(element),
                Symbols.TypeText(element, type),
                List(0, Optional("Count") is null ? expressions : expressions.OfCopies),
                Optional("Count"),
                property.HasAttribute(KnownNames.Recompute)),
            _ => new UnreadableSpec(spec),
        };

        SizeExpression Option(string option, object unset) =>
            attribute.NamedArguments.FirstOrDefault(argument => argument.Key == option) is { Key: not null } given
                ? expressions.FromAttribute(given.Value)
                : new SizeExpression.Literal(unset);

        SizeExpression? Optional(string option) =>
            attribute.NamedArguments.Any(argument => argument.Key == option && !argument.Value.IsNull) ? Option(option, 0L) : null;

        object? Constant(string option) => attribute.NamedArguments
            .FirstOrDefault(argument => argument.Key == option) is { Key: not null, Value.Kind: not TypedConstantKind.Array } given
            ? given.Value.Value
            : null;

        EquatableArray<SizeExpression> List(int index, ExpressionReader? reader = null) =>
            arguments.Length > index && arguments[index] is { Kind: TypedConstantKind.Array, IsNull: false } list
                ? list.Values.Select((reader ?? expressions).FromAttribute).ToEquatable()
                : default;

        string InitName() => Constant("Init") switch { 1 => "Ones", 2 => "Normal", _ => "Zeros" };
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

    private SizeExpression.Invalid? TieFault(string? tie)
    {
        if (tie is null)
        {
            return null;
        }

        var embeddings = Members().OfType<IPropertySymbol>()
            .Where(property => property.HasAttribute("Marrow.EmbeddingAttribute"))
            .Select(property => property.Name)
            .ToList();
        return embeddings.Contains(tie) ? null : Unknown(tie, "embedding property", embeddings);
    }

    private SizeExpression.Invalid? BufferInitFault(string? init)
    {
        if (init is null)
        {
            return null;
        }

        var methods = Members().OfType<IMethodSymbol>()
            .Where(method => method is { MethodKind: MethodKind.Ordinary, Parameters.Length: 0 }
                && method.ReturnType.FullName() == "TorchSharp.torch.Tensor")
            .Select(method => method.Name)
            .ToList();
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

    private static ITypeSymbol? ElementType(ITypeSymbol declared, string kind) => (kind, declared) switch
    {
        (KnownNames.Block, INamedTypeSymbol { TypeArguments: [var element] } list) when list.FullName() == "Marrow.ModuleList" => element,
        (KnownNames.Block, { TypeKind: not TypeKind.Error }) => declared,
        _ => null,
    };

    private static string Modifiers(IPropertySymbol property) => property.DeclaringSyntaxReferences
        .Select(reference => reference.GetSyntax())
        .OfType<PropertyDeclarationSyntax>()
        .Select(syntax => string.Join(" ", syntax.Modifiers.Select(modifier => modifier.Text)))
        .FirstOrDefault() ?? "public";

    /// <summary>MRW002 in words.</summary>
    private string? Fault(IPropertySymbol property, AttributeData attribute)
    {
        var syntax = property.DeclaringSyntaxReferences
            .Select(reference => reference.GetSyntax())
            .OfType<PropertyDeclarationSyntax>()
            .FirstOrDefault();
        if (syntax is null)
        {
            return null;
        }

        var wanted = KnownNames.Layers[attribute.AttributeClass!.FullName()];
        var isList = property.Type is INamedTypeSymbol list && list.FullName() == "Marrow.ModuleList";
        var hasCount = attribute.NamedArguments.Any(option => option.Key == "Count");
        return property switch
        {
            { IsStatic: true } => "must not be static",
            { DeclaredAccessibility: not (Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal) } =>
                "must be public or protected; other assemblies cannot see it otherwise",
            _ when !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) => "must be partial",
            { SetMethod: not null } => "must be get-only",
            { IsVirtual: true } or { IsAbstract: true } or { IsOverride: true } => "must not be virtual, abstract or an override",
            { Type.TypeKind: TypeKind.Error } => null,
            _ when wanted is not null && property.Type.FullName() != wanted =>
                $"must be of type {wanted.Substring(wanted.LastIndexOf('.') + 1)}",
            _ when wanted is null && isList && !hasCount => "is a ModuleList, so [Block] needs Count",
            _ when wanted is null && !isList && hasCount => "must be a ModuleList, because [Block] has Count",
            _ when property.GetAttributes().Count(other =>
                other.AttributeClass is { } kind && KnownNames.Layers.ContainsKey(kind.FullName())) > 1 =>
                "has two layer attributes",
            _ when attribute.AttributeClass!.Name != "LinearAttribute" && KnownNames.Adapters.FirstOrDefault(property.HasAttribute) is { } adapter =>
                $"carries [{adapter.Substring("Marrow.".Length).Replace("Attribute", "")}], which only a linear layer can",
            _ when attribute.AttributeClass!.FullName() != KnownNames.Block && property.HasAttribute(KnownNames.Recompute) =>
                "carries [Recompute], which only a block can",
            _ => null,
        };
    }
}
