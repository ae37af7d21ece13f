using Marrow.Generators.Declarations;
using Marrow.Shared;

namespace Marrow.Generators.Resolution;

/// <summary>The tensors of a model, as far as they are known while typing, and what its checkpoint calls them.</summary>
internal sealed class StoredNames(ModelClosure closure)
{
    // As many as the layers of any real model have; a mistyped count cannot freeze the editor.
    private const int MostTensors = 16384;

    private readonly Dictionary<PlannedModel, IReadOnlyList<StoredTensor>> blocks = [];

    /// <summary>The tensors with the model's names, but inside of blocks with those that the blocks' checkpoints have.</summary>
    public IReadOnlyList<StoredTensor> Own(PlannedModel model)
    {
        var tensors = new List<StoredTensor>();
        foreach (var layer in model.RepeatsItself ? [] : model.Layers.Where(layer => !layer.Evaluated.IsLeftOut))
        {
            foreach (var index in PlannedModel.Indices(layer.Evaluated).TakeWhile(_ => tensors.Count < MostTensors))
            {
                var name = layer.NameOf(index);
                tensors.AddRange(layer switch
                {
                    { Block: null } => Tensors(name, layer.At(index).Evaluated),
                    { Evaluated: AttentionSpec } => Inside(name, Own(layer.Copy(index))),
                    _ => Inside(name, Stored(layer.Copy(index))),
                });
            }
        }

        return tensors;
    }

    /// <summary>The rules of a class, those of its bases first.</summary>
    public NameTable Table(ClassSpec type)
    {
        var table = new NameTable();
        foreach (var mapping in closure.Lineage(type).Reverse().Select(ancestor => ancestor.Mapping))
        {
            mapping?.AddTo(table);
        }

        return table;
    }

    private IReadOnlyList<StoredTensor> Stored(PlannedModel block)
    {
        if (!blocks.TryGetValue(block, out var tensors))
        {
            var table = Table(block.Type);
            tensors = [.. table.Apply(Own(block), (_, _) => { }).Select(tensor => tensor with
            {
                Name = table.WithPrefix(tensor.Name),
            })];
            blocks.Add(block, tensors);
        }

        return tensors;
    }

    private static IEnumerable<StoredTensor> Inside(string name, IReadOnlyList<StoredTensor> tensors) =>
        tensors.Select(tensor => tensor with { Name = $"{name}.{tensor.Name}" });

    private static IEnumerable<StoredTensor> Tensors(string name, LayerSpec layer) => layer switch
    {
        LinearSpec { Tie: not null, TieWhen.Value: null } => [Unknown(name)],
        LinearSpec { IsUntied: false } or DropoutSpec or BufferSpec { IsPersistent: false } => [],
        LinearSpec linear => Weights(name, linear.Bias.Value, linear.Out.Integer ?? 0),
        Conv2dSpec conv => Weights(name, conv.Bias.Value, conv.Out.Integer ?? 0),
        LayerNormSpec norm => Weights(name, norm.Bias.Value, norm.Dim.Integer ?? 0),
        EmbeddingSpec or RmsNormSpec => [new($"{name}.weight", 0, [])],
        TensorSpec or BufferSpec => [new(name, 0, [])],
        _ => [Unknown(name)],
    };

    private static IEnumerable<StoredTensor> Weights(string name, object? bias, long rows)
    {
        yield return new($"{name}.weight", rows, []);
        if (bias is true)
        {
            yield return new($"{name}.bias", rows, []);
        }
        else if (bias is not false)
        {
            yield return Unknown(name);
        }
    }

    /// <summary>A module whose tensors the generator does not know.</summary>
    private static StoredTensor Unknown(string name) => new($"{name}.*", 0, []);
}
