using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>A field that keeps a constructor parameter, because the layers are built after the initializers.</summary>
internal sealed record FieldView(string Type, string Name, string Parameter)
{
    public static string FieldOf(string parameter) => parameter == SizeExpression.CopyIndex ? "index" : "__" + parameter;

    public static IReadOnlyList<FieldView> Of(ClassSpec type) =>
        [.. Copied(type).Select(parameter => new FieldView(parameter.Type, FieldOf(parameter.Name), parameter.Name))];

    /// <summary>
    /// The parameters that the emitted part reads: those of its sizes, and those that nothing else may read, so
    /// that the compiler does not call them unread (CS9113).
    /// </summary>
    public static IEnumerable<ParameterSpec> Copied(ClassSpec type)
    {
        var passedOn = type.BaseArguments.SelectMany(argument => argument is SizeExpression.Opaque ? [] : argument.Names);
        var sizes = type.Layers.SelectMany(layer => layer.Expressions.Select(pair => pair.Expression))
            .Concat(type.Layers.SelectMany(layer => layer.Annotations).Concat(type.Annotations)
                .SelectMany(annotation => annotation.Sizes.Select(pair => pair.Size)))
            .SelectMany(size => size.Names);
        var opaque = string.Join(" ", type.BaseArguments.OfType<SizeExpression.Opaque>().Select(argument => argument.Text));
        return type.Parameters.Where(parameter => sizes.Contains(parameter.Name)
            || !(passedOn.Contains(parameter.Name) || opaque.Contains(parameter.Name)));
    }
}
