using System.Globalization;
using System.Text.RegularExpressions;
using Marrow.Generators.Declarations;
using Marrow.Generators.Resolution;

namespace Marrow.Tool.Planning;

/// <summary>Which layers of a planned model train, and what of their inputs their forward keeps.</summary>
internal sealed partial class LayerTraining
{
    private readonly Dictionary<string, LayerInstance> layers;
    private readonly bool isAdapted;

    /// <param name="instances">The model's layers.</param>
    public LayerTraining(IReadOnlyList<LayerInstance> instances)
    {
        layers = instances.GroupBy(layer => layer.Name).ToDictionary(group => group.Key, group => group.First());
        isAdapted = instances.Any(layer => layer.Adapter is not null);
        FirstBlock = instances.Where(Trains).Select(layer => BlockOf(layer.Name)).DefaultIfEmpty(0).Min();
    }

    /// <summary>The first block with something to train; those before it have no backward, and keep nothing.</summary>
    public int FirstBlock { get; }

    /// <summary>Whether a layer's own weights are trained.</summary>
    public bool IsWhole(string name) => layers.TryGetValue(name, out var layer) && (!isAdapted || layer.IsTrained);

    /// <summary>Whether one of some linear layers, which have the same input, keeps it.</summary>
    public bool KeepsInput(params IEnumerable<string> names) => names.Any(name => IsWhole(name)
        || (layers.TryGetValue(name, out var layer) && layer.Adapter is { KeepsInput: true }));

    /// <summary>Values beside inputs that the adapters below a name keep of each token.</summary>
    public long KeptBeside(string prefix) => layers.Values
        .Where(layer => layer.Adapter is not null && layer.Name.StartsWith(prefix, StringComparison.Ordinal))
        .Sum(layer => layer.Adapter!.KeptPerRow(layer.Spec.Matrix.Out) ?? 0);

    private bool Trains(LayerInstance layer) => layer.Spec is not BufferSpec
        && (!isAdapted || layer.IsTrained || layer.Adapter is not null);

    /// <summary>The number of the block that a layer is in; what is before the blocks counts to the first.</summary>
    private static int BlockOf(string name) => Number().Match(name) is { Success: true } match
        ? int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
        : name.Split('.')[^1] is "embed_tokens" or "wte" or "wpe" or "emb" ? 0 : int.MaxValue;

    [GeneratedRegex(@"\.(\d{1,6})\.")]
    private static partial Regex Number();
}
