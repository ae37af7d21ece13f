using System.Text.RegularExpressions;
using Marrow.Generators.Declarations;
using Marrow.Generators.Resolution;
using Marrow.Tool.Generation;

namespace Marrow.Tool.Explanation;

/// <summary>Makes a tree of the rows of a plan.</summary>
internal sealed partial class LayerTree
{
    private readonly Dictionary<string, LayerInstance> instances;
    private readonly IReadOnlyList<(string Words, LayerClassText Text)> classes;
    private readonly bool isAdapted;

    private LayerTree(GeneratedModel model, IReadOnlyList<(string Words, LayerClassText Text)> classes)
    {
        instances = model.Layers.GroupBy(layer => layer.Name).ToDictionary(group => group.Key, group => group.First());
        this.classes = classes;
        isAdapted = model.Rows.Any(row => row.Adapter is not null);
    }

    /// <summary>The tree of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="classes">Its layer classes, with the adapters and quantizers that they are for.</param>
    public static IReadOnlyList<LayerNode> Of(
        GeneratedModel model, IReadOnlyList<(string Words, LayerClassText Text)> classes)
    {
        var tree = new LayerTree(model, classes);
        return Nodes([.. model.Rows.Select(row => (Parts(row.Layer), tree.Facts(row)))]);
    }

    private static IReadOnlyList<LayerNode> Nodes(
        IReadOnlyList<(IReadOnlyList<string> Parts, LayerFacts Layer)> rows) =>
    [
        .. rows.GroupBy(row => row.Parts[0]).Select(group => new LayerNode(
            group.Key,
            group.Where(row => row.Parts.Count == 1).Select(row => row.Layer).FirstOrDefault(),
            Nodes([
                .. group.Where(row => row.Parts.Count > 1).Select(
                    row => ((IReadOnlyList<string>)[.. row.Parts.Skip(1)], row.Layer)),
            ]))),
    ];

    /// <summary>
    /// The parts of a name. What is in braces, which may be an expression, is one with the part before it.
    /// </summary>
    private static IReadOnlyList<string> Parts(string name) =>
        [.. Part().Matches(name).Select(match => match.Value.Replace(".{", " {", StringComparison.Ordinal))];

    private LayerFacts Facts(PlanRow row)
    {
        var instance = instances.GetValueOrDefault(Span().Replace(row.Layer, match => $".{match.Groups[1].Value}"))
            ?? instances.GetValueOrDefault(Braces().Replace(row.Layer, ".0"));
        var words = string.Join(" on ", new[] { row.Adapter, row.Quantizer }.OfType<string>());
        var text = classes.FirstOrDefault(pair => pair.Words == words).Text;
        var isTrained = !isAdapted || row.IsTrained;
        return new(
            row.Repeat,
            row.Shape,
            words.Length == 0 ? null : words,
            text?.Formula ?? (instance?.Spec.Formula is { } formula ? [formula] : []),
            row.Parameters,
            row.AdapterParameters,
            isTrained,
            text?.Keeps ?? Keeps(instance?.Spec, isTrained));
    }

    /// <summary>What a layer without a class of its own keeps.</summary>
    private static string Keeps(LayerSpec? layer, bool isTrained) => layer switch
    {
        LinearSpec => isTrained ? "x [n, in]" : "nothing",
        Conv2dSpec => isTrained ? "x" : "nothing",
        EmbeddingSpec => "ids [n]",
        RmsNormSpec => "x [n, dim], 1 / rms [n]",
        LayerNormSpec => "x [n, dim], mean and 1 / deviation [n]",
        AttentionSpec => "q, k, v, the result, log Σ exp",
        TensorSpec or BufferSpec => "",
        _ => "what autograd keeps",
    };

    [GeneratedRegex(@"[^.{]+(?:\.(?:\{[^}]*\}|\d+)(?=\.|$))?")]
    private static partial Regex Part();

    [GeneratedRegex(@"\.\{(\d+)-\d+\}")]
    private static partial Regex Span();

    [GeneratedRegex(@"\.\{[^}]*\}")]
    private static partial Regex Braces();
}
