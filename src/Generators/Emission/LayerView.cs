using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>A layer property and how the builder makes it.</summary>
/// <param name="Declaration">Modifiers, type and name.</param>
/// <param name="Type">The property's type.</param>
/// <param name="Field">Backing field, or null for a tensor, which the module itself keeps.</param>
/// <param name="Key">Name in checkpoints.</param>
/// <param name="Create">The builder call.</param>
/// <param name="Formula">What the layer computes, with shapes; null for a block, which has a file of its own.</param>
internal sealed record LayerView(
    string Declaration, string Type, string? Field, string Key, string Create, string? Formula)
{
    public static LayerView Of(LayerSpec layer, SpecialLayers special)
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
                LinearSpec { Tie: { } tie, TieWhen.Value: true } linear => Tied(linear, key, tie),
                LinearSpec { Tie: { } tie } linear =>
                    $"{Print(linear.TieWhen)} ? {Tied(linear, key, tie)} : {Linear(linear, key, special)}",
                LinearSpec linear => Linear(linear, key, special),
                Conv2dSpec conv => Conv2d(conv, key),
                AttentionSpec attention => Attention(attention, key),
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
            },
            FormulaOf(layer));
    }

    private static string? FormulaOf(LayerSpec layer) => layer switch
    {
        LinearSpec { Tie: { } tie, TieWhen.Value: true } => $"y = x Eᵀ, E the weight of {tie}",
        LinearSpec linear => $"y = x Wᵀ{(linear.Bias.Value is false ? "" : " + b")}, W [{linear.Out}, {linear.In}]",
        Conv2dSpec conv => $"y = x ∗ W{(conv.Bias.Value is false ? "" : " + b")}, W [{conv.Out}, {conv.In}{(conv.Groups.Integer is 1 ? "" : $" / {conv.Groups}")}, {conv.Kernel}, {conv.Kernel}]",
        AttentionSpec attention => $"{attention.Heads} heads: softmax(q kᵀ / sqrt(d){(attention.Window.Integer is 0 ? "" : " + bias")}) v, then proj; width {attention.Dim}",
        EmbeddingSpec embedding => $"y = E[id], E [{embedding.Rows}, {embedding.Dim}]",
        RmsNormSpec norm => $"y = x / sqrt(mean x² + eps) · w, w [{norm.Dim}]",
        LayerNormSpec norm => $"y = (x − mean) / sqrt(var + eps) · w{(norm.Bias.Value is false ? "" : " + b")}, w [{norm.Dim}]",
        TensorSpec tensor => $"[{string.Join(", ", tensor.Shape)}]",
        BufferSpec buffer => $"[{string.Join(", ", buffer.Shape)}]",
        _ => null,
    };

    private static string Tied(LinearSpec linear, string key, string tie) =>
        $"builder.Tied({key}, {tie}, {Print(linear.In)}, {Print(linear.Out)})";

    private static string Linear(LinearSpec linear, string key, SpecialLayers special)
    {
        var adapter = special.FactoryOf(linear) is { } factory ? $", adapter: {factory}" : "";
        return $"builder.Linear({key}, {Print(linear.In)}, {Print(linear.Out)}, bias: {Print(linear.Bias)}{Given(linear.Tokens, "tokens")}{(linear.PositiveInput ? ", positiveInput: true" : "")}{adapter})";
    }

    private static string Conv2d(Conv2dSpec conv, string key) =>
        $"builder.Conv2d({key}, {Print(conv.In)}, {Print(conv.Out)}, kernel: {Print(conv.Kernel)}, bias: {Print(conv.Bias)}"
        + Unless(conv.Stride, 1, "stride") + Unless(conv.Padding, 0, "padding") + Unless(conv.Groups, 1, "groups") + Given(conv.Tokens, "tokens") + Quantizer(QuantizedLeaves.Convolution(conv.Quantizer)) + ")";

    private static string Attention(AttentionSpec attention, string key) =>
        $"builder.Attention({key}, {Print(attention.Dim)}, {Print(attention.Heads)}, qkvBias: {Print(attention.QkvBias)}"
        + Unless(attention.Window, 0, "window") + Unless(attention.Shift, 0, "shift") + Given(attention.Tokens, "tokens")
        + Quantizer(QuantizedLeaves.Attention(attention.Quantizer)) + ")";

    private static string Quantizer(string? create) => create is null ? "" : $", quantizer: site => {create}";

    private static string Unless(SizeExpression size, long usual, string name) =>
        size.Integer == usual ? "" : $", {name}: {Print(size)}";

    private static string Given(SizeExpression? size, string name) => size is null ? "" : $", {name}: {Print(size)}";

    private static string Block(BlockSpec block, string key)
    {
        var copy = block.Count is null ? "()" : block.Arguments.SelectMany(argument => argument.Names).Contains(SizeExpression.CopyIndex) ? "index" : "_";
        var create = $"{copy} => new {block.ElementType}({List(block.Arguments)})";
        var kind = block.TypeKey is null ? "Module" : "Block";
        var recompute = block is { Recomputes: true, TypeKey: not null } ? ", recompute: true" : "";
        return block.Count is null
            ? $"builder.{kind}({key}, {create}{recompute})"
            : $"builder.{kind}s({key}, {Print(block.Count)}, {create}{recompute})";
    }

    private static string List(IEnumerable<SizeExpression> expressions) => string.Join(", ", expressions.Select(Print));

    private static string Print(SizeExpression expression) => expression.Print(FieldView.FieldOf);

    private static string Quote(string text) => new SizeExpression.Literal(text).ToString();
}
