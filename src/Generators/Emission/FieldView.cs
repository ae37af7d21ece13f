using Marrow.Generators.Declarations;
using Marrow.Generators.Reading;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>A field that keeps a constructor parameter, because the layers are built after the initializers.</summary>
internal sealed record FieldView(string Type, string Name, string Parameter)
{
    public static string FieldOf(string parameter) =>
        parameter == SizeExpression.CopyIndex ? "index" : "__" + parameter;

    public static IReadOnlyList<FieldView> Of(ClassSpec type) => [.. Copied(type)
        .Select(parameter => new FieldView(parameter.Type, FieldOf(parameter.Name), Symbols.Escape(parameter.Name)))];

    /// <summary>
    /// The parameters that the emitted part reads: those of its sizes, and those that nothing else may read, so
    /// that the compiler does not call them unread (CS9113).
    /// </summary>
    public static IEnumerable<ParameterSpec> Copied(ClassSpec type)
    {
        var annotations = type.Annotations.Concat(type.Layers.SelectMany(layer => layer.Annotations));
        var ofSizes = type.Layers.SelectMany(layer => layer.Arguments)
            .Concat(annotations.SelectMany(annotation => annotation.Arguments))
            .SelectMany(argument => argument.Value.Names);
        var used = new HashSet<string>(ofSizes);
        return type.Parameters.Where(parameter => used.Contains(parameter.Name)
            || !type.BaseArguments.Any(argument => argument is SizeExpression.Opaque opaque
                ? opaque.Reads(parameter.Name)
                : argument.Names.Contains(parameter.Name)
                    || Opaques(argument).Any(part => part.Reads(parameter.Name))));
    }

    private static IEnumerable<SizeExpression.Opaque> Opaques(SizeExpression expression) => expression switch
    {
        SizeExpression.Opaque opaque => [opaque],
        SizeExpression.Unary unary => Opaques(unary.Operand),
        SizeExpression.Binary binary => Opaques(binary.Left).Concat(Opaques(binary.Right)),
        SizeExpression.Conditional conditional =>
            Opaques(conditional.When).Concat(Opaques(conditional.Then)).Concat(Opaques(conditional.Otherwise)),
        _ => [],
    };
}
