using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>A layer property and how the builder makes it.</summary>
/// <param name="Declaration">Modifiers, type and name.</param>
/// <param name="Type">The property's type.</param>
/// <param name="Field">Backing field, or null for a tensor, which the module itself keeps.</param>
/// <param name="Key">Name in checkpoints.</param>
/// <param name="Create">The builder call.</param>
internal sealed record LayerView(string Declaration, string Type, string? Field, string Key, string Create)
{
    public static LayerView Of(LayerSpec layer, AdaptedLayers adapted)
    {
        var property = layer.Property;
        var key = Quote(property.LayerName);
        return new LayerView(
            $"{property.Modifiers} {property.Type} {property.Name}",
            property.Type,
            layer is TensorSpec or BufferSpec ? null : property.Field,
            key,
            layer switch
            {
                LinearSpec { Tie: { } tie, TieWhen.Value: true } => $"builder.Tied({key}, {tie})",
                LinearSpec { Tie: { } tie } linear =>
                    $"{Print(linear.TieWhen)} ? builder.Tied({key}, {tie}) : {Linear(linear, key, adapted)}",
                LinearSpec linear => Linear(linear, key, adapted),
                EmbeddingSpec embedding => $"builder.Embedding({key}, {Print(embedding.Rows)}, {Print(embedding.Dim)})",
                RmsNormSpec norm => $"builder.RmsNorm({key}, {Print(norm.Dim)}, {Print(norm.Eps)})",
                LayerNormSpec norm => $"builder.LayerNorm({key}, {Print(norm.Dim)}, {Print(norm.Eps)}, bias: {Print(norm.Bias)})",
                DropoutSpec dropout => $"builder.Dropout({key}, {Print(dropout.Probability)})",
                TensorSpec { Init: "Normal" } tensor => $"builder.Parameter({key}, [{List(tensor.Shape)}], ParameterInit.Normal, {new SizeExpression.Literal(tensor.Std)})",
                TensorSpec tensor => $"builder.Parameter({key}, [{List(tensor.Shape)}], ParameterInit.{tensor.Init})",
                BufferSpec { Init: { } init } buffer => $"builder.Buffer({key}, [{List(buffer.Shape)}], {init})",
                BufferSpec buffer => $"builder.Buffer({key}, [{List(buffer.Shape)}])",
                BlockSpec block => Block(block, key),
                _ => "null!",
            });
    }

    private static string Linear(LinearSpec linear, string key, AdaptedLayers adapted)
    {
        var adapter = adapted.FactoryOf(linear) is { } factory ? $", adapter: {factory}" : "";
        return $"builder.Linear({key}, {Print(linear.In)}, {Print(linear.Out)}, bias: {Print(linear.Bias)}{adapter})";
    }

    private static string Block(BlockSpec block, string key)
    {
        var create = $"() => new {block.ElementType}({List(block.Arguments)})";
        var kind = block.TypeKey is null ? "Module" : "Block";
        return block.Count is null
            ? $"builder.{kind}({key}, {create})"
            : $"builder.{kind}s({key}, {Print(block.Count)}, {create})";
    }

    private static string List(IEnumerable<SizeExpression> expressions) => string.Join(", ", expressions.Select(Print));

    private static string Print(SizeExpression expression) => expression.Print(FieldView.FieldOf);

    private static string Quote(string text) => new SizeExpression.Literal(text).ToString();
}
