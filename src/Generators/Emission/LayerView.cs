using Marrow.Generators.Declarations;
using Marrow.Generators.Reading;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>A layer property and how the builder makes it.</summary>
/// <param name="Declaration">Modifiers, type and name.</param>
/// <param name="Type">The property's type.</param>
/// <param name="Field">Backing field, or null for a tensor, which the module itself keeps.</param>
/// <param name="Key">Name in checkpoints.</param>
/// <param name="Build">The statement that makes it.</param>
/// <param name="Value">What the property gives.</param>
/// <param name="Formula">What the layer computes, with shapes; null for a block, which has a file of its own.</param>
/// <param name="IsTrained">Whether it is trained whole where there are adapters.</param>
internal sealed record LayerView(
    string Declaration,
    string Type,
    string? Field,
    string Key,
    string Build,
    string Value,
    string? Formula,
    bool IsTrained)
{
    public static LayerView Of(LayerSpec declared, LayerClasses classes)
    {
        // Constant parts are computed here, in 64 bits: the C# compiler would refuse what is too large for an int.
        var layer = declared.Evaluate(expression => expression.Evaluate(_ => null));
        var property = layer.Property;
        var (key, isTensor) = (SizeExpression.Quote(property.LayerName), layer is TensorSpec or BufferSpec);
        var type = property.Type;
        var when = property.When is null ? null : Print(property.When);
        var create = property.Count is null || layer is BlockSpec
            ? Create(layer, key, classes)
            : $"builder.Repeat({key}, {Print(property.Count)}, (name, {(layer.HasCopyIndex ? "index" : "_")}) => "
                + $"{Create(layer, "name", classes)})";
        return new LayerView(
            $"{property.Modifiers} {type} {Symbols.Escape(property.Name)}",
            type,
            isTensor ? null : property.Field,
            key,
            (isTensor, when) switch
            {
                (true, null) => $"{create};",
                (true, _) => $"if ({when}) {create};",
                (false, null) => $"{property.Field} = {create};",
                (false, _) => $"{property.Field} = {when} ? {create} : null;",
            },
            !isTensor ? property.Field : when is null ? $"GetTensor({key})" : $"{when} ? GetTensor({key}) : null",
            layer.Formula,
            property.IsTrained);
    }

    private static string Create(LayerSpec layer, string key, LayerClasses classes) => layer switch
    {
        LinearSpec { Tie: { } tie, TieWhen.Value: true } linear => Tied(linear, key, tie),
        LinearSpec { Tie: { } tie, TieWhen.Value: null } linear =>
            $"{Print(linear.TieWhen)} ? {Tied(linear, key, tie)} : {Linear(linear, key, classes)}",
        LinearSpec linear => Linear(linear, key, classes),
        Conv2dSpec conv => Conv2d(conv, key),
        AttentionSpec attention => Attention(attention, key),
        EmbeddingSpec embedding => $"builder.Embedding({key}, {Print(embedding.Rows)}, {Print(embedding.Dim)}"
            + $"{Given(embedding.PaddingIndex, "paddingIndex")}{Init(embedding)}{Adapter(embedding)})",
        RmsNormSpec norm => $"builder.RmsNorm({key}, {Print(norm.Dim)}, {Print(norm.Eps)}"
            + (norm.ZeroCentered.Value is false ? ")" : $", zeroCentered: {Print(norm.ZeroCentered)})"),
        LayerNormSpec norm =>
            $"builder.LayerNorm({key}, {Print(norm.Dim)}, {Print(norm.Eps)}, bias: {Print(norm.Bias)})",
        DropoutSpec dropout => $"builder.Dropout({key}, {Print(dropout.Probability)})",
        TensorSpec tensor => $"builder.Parameter({key}, [{List(tensor.Sizes)}]{Init(tensor)})",
        BufferSpec buffer => $"builder.Buffer({key}, [{List(buffer.Sizes)}]"
            + (buffer.Init is { } init ? $", {Symbols.Escape(init)}" : "")
            + (buffer.IsPersistent ? ", persistent: true)" : ")"),
        TorchLayerSpec torch => $"builder.Module({key}, () => {torch.Create(Print)})",
        BlockSpec block => Block(block, key),
        _ => "null!",
    };

    private static string Tied(LinearSpec linear, string key, string tie) =>
        $"builder.Tied({key}, {(tie == "builder" ? "this." : "")}{Symbols.Escape(tie)}, "
        + $"{Print(linear.In)}, {Print(linear.Out)}"
        + (linear.WritesBias && linear.Bias.Value is not false ? $", bias: {Print(linear.Bias)})" : ")");

    private static string Linear(LinearSpec linear, string key, LayerClasses classes)
    {
        var adapter = classes.FactoryOf(linear) is { } factory ? $", adapter: {factory}" : "";
        return $"builder.Linear({key}, {Print(linear.In)}, {Print(linear.Out)}, bias: {Print(linear.Bias)}"
            + $"{Given(linear.Tokens, "tokens")}{(linear.PositiveInput ? ", positiveInput: true" : "")}"
            + $"{(linear.Property.IsHead ? ", isHead: true" : "")}{Init(linear)}{adapter})";
    }

    private static string Conv2d(Conv2dSpec conv, string key) =>
        $"builder.Conv2d({key}, {Print(conv.In)}, {Print(conv.Out)}, kernel: {Print(conv.Kernel)}, bias: "
            + $"{Print(conv.Bias)}"
        + Unless(conv.Stride, 1, "stride")
        + Unless(conv.Padding, 0, "padding")
        + Unless(conv.Groups, 1, "groups")
        + Given(conv.Tokens, "tokens")
        + Init(conv)
        + Quantizer(QuantizedSites.Convolution(conv.Quantizer))
        + Adapter(conv)
        + ")";

    private static string Attention(AttentionSpec attention, string key) =>
        $"builder.Attention({key}, {Print(attention.Dim)}, {Print(attention.Heads)}, qkvBias: "
            + $"{Print(attention.QkvBias)}"
        + Unless(attention.Window, 0, "window")
        + Unless(attention.Shift, 0, "shift")
        + Given(attention.Tokens, "tokens")
        + Quantizer(QuantizedSites.Attention(attention.Quantizer))
        + ")";

    private static string Init(LayerSpec layer) => layer.Property.Init is not { } init
        ? ""
        : $", init: new(global::Marrow.ParameterInit.{init.Kind}"
            + (init.Kind == ParameterInit.Normal ? $", {Print(init.Std)})" : ")");

    private static string Adapter(LayerSpec layer) =>
        layer.Adapters.FirstOrDefault()?.Creation(layer, SizeCode.Of) is { } create
            ? $", adapter: site => {create}"
            : "";

    private static string Quantizer(string? create) => create is null ? "" : $", quantizer: site => {create}";

    private static string Unless(SizeExpression size, long usual, string name) =>
        size.Integer == usual ? "" : $", {name}: {Print(size)}";

    private static string Given(SizeExpression? size, string name) => size is null ? "" : $", {name}: {Print(size)}";

    private static string Block(BlockSpec block, string key)
    {
        var parameter = block.Count is null ? "()" : block.HasCopyIndex ? "index" : "_";
        var arguments = block.Values.Zip(block.Parameters, (value, taken) => SizeCode.Of(value, taken.Type));
        var values = string.Join(", ", arguments);
        var create = $"{parameter} => new {block.ElementType}({values})";
        var kind = block.TypeKey is null ? "Module" : "Block";
        var recompute = block is { Recomputes: true, TypeKey: not null } ? ", recompute: true" : "";
        if (block is { IsReplaceable: true, TypeKey: not null })
        {
            // A block that [Replace] puts in its place is made with the same arguments, those that are left out too.
            var all = string.Join(", ", block.Parameters.Select((taken, i) => Boxed(
                i < block.Values.Count ? block.Values[i] : taken.Default ?? SizeExpression.Missing.Null, taken.Type)));
            create += block.Count is null ? $", [{all}]" : $", {parameter} => [{all}]";
        }

        return block.Count is null
            ? $"builder.{kind}({key}, {create}{recompute})"
            : $"builder.{kind}s({key}, {Print(block.Count)}, {create}{recompute})";
    }

    /// <summary>An argument as an object of exactly the parameter's type, which unboxing wants.</summary>
    private static string Boxed(SizeExpression value, string type)
    {
        if (value is SizeExpression.Opaque and not SizeExpression.Record)
        {
            return $"default({type})"; // a default value that is no size
        }

        var code = SizeCode.Of(value, type);
        return type is not ("long" or "double" or "float" or "short" or "byte") ? code
            : value is SizeExpression.Name or SizeExpression.Literal ? $"({type}){code}"
            : $"({type})({code})";
    }

    private static string List(IEnumerable<SizeExpression> expressions) => string.Join(", ", expressions.Select(Print));

    private static string Print(SizeExpression expression) => SizeCode.Of(expression);
}
