using Marrow.Checkpoints;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow.Operations;

/// <summary>Where a checkpoint that is open has each of a model's weights. All names and shapes are right.</summary>
internal sealed class CheckpointSources : IDisposable
{
    private readonly CheckpointReader checkpoint;
    private readonly IReadOnlyList<Source>[] sources;

    // What several weights are parts of is read once, for they are read one after another.
    private (string Name, ScalarType Type, Tensor Value)? last;

    private CheckpointSources(CheckpointReader checkpoint, IReadOnlyList<Source>[] sources) =>
        (this.checkpoint, this.sources) = (checkpoint, sources);

    /// <summary>
    /// Finds each weight. A checkpoint of the plain model has nothing for quantizers, and may have several weights of a
    /// quantized model in one tensor. With a new head it may have any head, or none.
    /// </summary>
    /// <exception cref="CheckpointException">A tensor is missing, unknown or of another shape.</exception>
    public static CheckpointSources Find(
        IModel model, IReadOnlyList<BaseWeight> weights, CheckpointReader checkpoint, string path, bool newHead)
    {
        var prefix = CheckpointLayout.PrefixOf(model);
        var hasPrefix = checkpoint.Tensors.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));
        var own = new CheckpointLayout(model, weights, path, hasPrefix);
        var isQuantized = weights.Any(weight => weight.Layer?.SourceOf(weight.Key) is not null);
        var plain = isQuantized ? new CheckpointLayout(model, weights, path, hasPrefix, isPlain: true) : own;
        var (ownSources, plainSources) = (ByWeight(own, weights.Count), ByWeight(plain, weights.Count));

        var found = new IReadOnlyList<Source>[weights.Count];
        var missing = new List<string>();
        for (var i = 0; i < weights.Count; i++)
        {
            if (newHead && weights[i].IsOfHead)
            {
                found[i] = [];
                continue;
            }

            found[i] = new[] { ownSources[i], plainSources[i] }.FirstOrDefault(
                sources => sources.All(source => checkpoint.Tensors.ContainsKey(source.Tensor.Name))) ?? [];
            if (found[i].Count == 0 && !weights[i].IsOptional)
            {
                missing.AddRange(ownSources[i]
                    .Where(source => !checkpoint.Tensors.ContainsKey(source.Tensor.Name))
                    .Select(source => Words(own, source.Tensor)));
            }
        }

        var used = found.SelectMany(sources => sources).DistinctBy(source => source.Tensor.Name).ToList();
        var layouts = used.Select(source => source.Layout).Append(own).Distinct().ToList();
        var known = used.Select(source => source.Tensor.Name)
            .Concat(Enumerable.Range(0, weights.Count)
                .Where(i => newHead && weights[i].IsOfHead)
                .SelectMany(i => ownSources[i])
                .Select(source => source.Tensor.Name))
            .ToHashSet();
        var extra = checkpoint.Tensors.Keys
            .Where(name => !known.Contains(name) && !layouts.Exists(layout => layout.Ignores(name)))
            .Select(name => $"'{name}'")
            .ToList();
        if (missing.Count > 0 || extra.Count > 0)
        {
            var faults = new[]
            {
                List("it lacks", missing.Distinct().ToList()), List("it has beyond the model's weights", extra),
            };
            throw new CheckpointException(
                path,
                string.Join("; ", faults.Where(text => text is not null)),
                $"use a checkpoint of {model.GetType().Name}");
        }

        foreach (var (layout, tensor, _) in used)
        {
            var (stored, wanted) = (checkpoint.Tensors[tensor.Name].Shape, layout.ShapeOf(tensor));
            if (!stored.SequenceEqual(wanted))
            {
                var owner = layout.In(tensor).First().Name;
                throw new CheckpointException(
                    path,
                    $"'{tensor.Name}' is [{string.Join(", ", stored)}], but the model's "
                        + (owner == tensor.Name ? "" : $"{Owners(layout, tensor)} ")
                        + $"{(layout.IsOneWeight(tensor) ? "is" : "would be")} [{string.Join(", ", wanted)}]",
                    $"use a checkpoint of {model.GetType().Name}'s sizes"
                        + (layout.In(tensor).All(weight => weight.IsOfHead)
                            ? ", or ask for a new head (newHead: true) that is trained anew" : ""));
            }
        }

        return new(checkpoint, found);
    }

    /// <summary>The numbers of all weights in the order in which they are best read.</summary>
    public IEnumerable<int> Order => Enumerable.Range(0, sources.Length).OrderBy(
        weight => Has(weight) ? sources[weight][0].Tensor.Name : "", StringComparer.Ordinal);

    /// <summary>A weight for messages, and what it was read from if that has another name.</summary>
    public string Describe(BaseWeight weight, int number) =>
        sources[number] is [var only] && only.Tensor.Name == weight.Name
            ? $"'{weight.Name}'"
            : $"'{weight.Name}', read from "
                + $"{string.Join(", ", sources[number].Select(source => $"'{source.Tensor.Name}'"))},";

    /// <summary>Whether the checkpoint has a weight.</summary>
    public bool Has(int weight) => sources[weight].Count > 0;

    /// <summary>A CPU tensor that a weight fits into, in the checkpoint's type.</summary>
    public Tensor Empty(int weight)
    {
        var (layout, tensor, rows) = sources[weight][0];
        var shape = layout.In(tensor).First().Shape;
        return empty(
            [sources[weight].Sum(source => source.Rows.Count), .. shape[1..]], checkpoint.Tensors[tensor.Name].Type);
    }

    /// <summary>Copies a weight into a tensor, on any device; needs one tensor's memory beside it at most.</summary>
    public void CopyInto(int weight, Tensor target)
    {
        foreach (var (layout, tensor, rows) in sources[weight])
        {
            if (layout.IsOneWeight(tensor))
            {
                checkpoint.CopyInto(tensor.Name, target);
                continue;
            }

            var whole = Read(tensor.Name, target.dtype);
            target.narrow(0, rows.First, rows.Count).copy_(
                (layout.IsTurned(tensor) ? whole.t() : whole).narrow(0, rows.Row, rows.Count));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => last?.Value.Dispose();

    private Tensor Read(string name, ScalarType type)
    {
        if (last is not { } present || present.Name != name || present.Type != type)
        {
            last?.Value.Dispose();
            last = null;
            var whole = empty([.. checkpoint.Tensors[name].Shape], dtype: type).DetachFromDisposeScope();
            last = (name, type, whole);
            checkpoint.CopyInto(name, whole);
        }

        return last.Value.Value;
    }

    private static List<Source>[] ByWeight(CheckpointLayout layout, int weights)
    {
        var sources = Enumerable.Range(0, weights).Select(_ => new List<Source>()).ToArray();
        foreach (var tensor in layout.Tensors)
        {
            foreach (var rows in tensor.Rows)
            {
                sources[rows.Tensor].Add(new(layout, tensor, rows));
            }
        }

        return sources;
    }

    private static string Words(CheckpointLayout layout, StoredTensor tensor) =>
        layout.In(tensor).First().Name == tensor.Name
            ? $"'{tensor.Name}'"
            : $"'{tensor.Name}' (the model's {Owners(layout, tensor)})";

    private static string Owners(CheckpointLayout layout, StoredTensor tensor)
    {
        var names = layout.In(tensor).Select(weight => $"'{weight.Name}'").ToList();
        return string.Join(", ", names.Take(3)) + (names.Count > 3 ? ", …" : "");
    }

    private static string? List(string what, List<string> names) => names.Count switch
    {
        0 => null,
        <= 3 => $"{what} {string.Join(", ", names)}",
        _ => $"{what} {string.Join(", ", names.Take(3))} and {names.Count - 3} more",
    };

    private sealed record Source(CheckpointLayout Layout, StoredTensor Tensor, StoredRows Rows);
}
