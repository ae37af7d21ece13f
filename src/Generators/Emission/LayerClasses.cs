using Marrow.Generators.Declarations;
using Marrow.Generators.Methods;

namespace Marrow.Generators.Emission;

/// <summary>The layer classes of a model: one for each combination of adapter, quantizer and their options.</summary>
internal sealed class LayerClasses
{
    /// <summary>
    /// The alias of the namespace that the classes lie in. A user's member cannot hide it: <c>::</c> asks for aliases.
    /// </summary>
    public const string Alias = "__Layers";

    private readonly List<(LayerClass Layer, string Name, List<string> Shapes, List<long?> In)> classes = [];

    /// <summary>Adapters and quantizers in words, for the file's header.</summary>
    public IReadOnlyList<string> Words => [.. classes.Select(entry => entry.Layer.Words).Distinct()];

    /// <summary>The classes in the order of first use.</summary>
    public IReadOnlyList<EmittedClass> All => [.. classes.Select(entry => new EmittedClass(
        entry.Name, entry.Layer, entry.Shapes.Count is 0 or > MostShapes ? null : string.Join(", ", entry.Shapes),
        entry.In.Contains(null) ? null : entry.In.Max()))];

    private const int MostShapes = 6;

    /// <summary>The creation of a layer, with the options that are known only at run time.</summary>
    public string Create(LayerClass layer, IEnumerable<LinearSpec> uses)
    {
        var arguments = layer.RunTimeOptions
            .Select(
                option => $"{LayerClassView.Camel(option.Name)}: "
                    + SizeCode.Of(option.Value, LayerClassView.TypeOf(option)))
            .Prepend("site");
        return $"new {Alias}::{NameOf(layer, uses)}({string.Join(", ", arguments)})";
    }

    /// <summary>The lambda that makes a layer with an annotation of its own, or null.</summary>
    public string? FactoryOf(LinearSpec linear) => linear.Annotations.Any()
        ? $"site => {Create(new LayerClass(linear.Adapters.FirstOrDefault(), linear.Quantizer), [linear])}"
        : null;

    private string NameOf(LayerClass layer, IEnumerable<LinearSpec> uses)
    {
        var found = classes.FindIndex(entry => entry.Layer.Equals(layer));
        if (found < 0)
        {
            // A wrong size of a layer that nothing uses may be negative here; it is no part of a name.
            var stem = new string([.. layer.Name.Select(letter => char.IsLetterOrDigit(letter) ? letter : '_')]);
            var name = stem;
            for (var number = 2; classes.Any(entry => entry.Name == name); number++)
            {
                name = $"{stem}_{number}";
            }

            found = classes.Count;
            classes.Add((layer, name, [], []));
        }

        classes[found].In.AddRange(uses.Select(use => use.In.Integer));
        var shapes = classes[found].Shapes;
        shapes.AddRange(uses.Select(use => $"{use.In} → {use.Out}").Distinct().Except(shapes).ToList());
        return classes[found].Name;
    }
}
