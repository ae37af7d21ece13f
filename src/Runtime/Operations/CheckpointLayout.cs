using Marrow.Shared;

namespace Marrow.Operations;

/// <summary>Which tensors a checkpoint of a model has, and what of the model's weights lies in each.</summary>
internal sealed class CheckpointLayout
{
    private readonly string path;
    private readonly IReadOnlyList<BaseWeight> weights;
    private readonly List<StoredTensor> ignored = [];

    /// <param name="model">The model.</param>
    /// <param name="weights">What it consists of.</param>
    /// <param name="path">The checkpoint, for messages.</param>
    /// <param name="hasPrefix">Whether the checkpoint has the prefix that the model's class says.</param>
    /// <param name="isPlain">
    /// Whether the checkpoint is one of the plain model, which may have several weights of a quantized one in a tensor.
    /// </param>
    /// <exception cref="CheckpointException">The rules of a class do not suit the model.</exception>
    public CheckpointLayout(
        IModel model, IReadOnlyList<BaseWeight> weights, string path, bool hasPrefix = true, bool isPlain = false)
    {
        (this.path, this.weights) = (path, weights);
        Tensors = [.. isPlain ? Plain() : Own()];
        foreach (var (name, nested) in model.Module.named_modules()
            .Where(pair => pair.module is IModel)
            .OrderByDescending(pair => pair.name.Count(letter => letter == '.')))
        {
            Apply((IModel)nested, Table((IModel)nested), name + ".", hasPrefix: true);
        }

        Apply(model, Table(model), "", hasPrefix);

        // [Fuse] may divide a tensor of which the model has only some rows: the biases of queries and keys under QKR.
        ignored.AddRange(Tensors.Where(tensor => tensor.Rows.Count == 0));
        Tensors = [.. Tensors.Where(tensor => tensor.Rows.Count > 0)];

        // Quantizers are Marrow's own, so no other library's checkpoint has names for them.
        var quantizers = Enumerable.Range(0, weights.Count).Where(i => weights[i].IsOptional).Select(Whole);
        Tensors = [.. Tensors.Concat(quantizers).OrderBy(tensor => tensor.Rows.Min(rows => rows.Tensor))];
    }

    /// <summary>The tensors, with the checkpoint's names.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private set; }

    /// <summary>What the names of a model's checkpoints begin with, or nothing.</summary>
    public static string PrefixOf(IModel model) => Table(model).Prefix;

    /// <summary>Whether a tensor of a checkpoint can be left out.</summary>
    public bool Ignores(string name) => ignored.Exists(pattern => NameTable.Means(pattern.Name, name));

    /// <summary>The model's weights in a tensor.</summary>
    public IEnumerable<BaseWeight> In(StoredTensor tensor) => tensor.Rows.Select(rows => weights[rows.Tensor]);

    /// <summary>Whether a tensor is one weight as it is.</summary>
    public bool IsOneWeight(StoredTensor tensor) => IsWhole(tensor) && !IsTurned(tensor);

    /// <summary>Whether rows and columns change places.</summary>
    public bool IsTurned(StoredTensor tensor) => tensor.IsTransposed && weights[tensor.Rows[0].Tensor].Shape.Length > 1;

    /// <summary>The sizes that a tensor has in the checkpoint.</summary>
    /// <exception cref="CheckpointException">What lies in it does not fit together or cannot turn.</exception>
    public long[] ShapeOf(StoredTensor tensor)
    {
        var first = weights[tensor.Rows[0].Tensor];
        if (!IsWhole(tensor)
            && In(tensor).FirstOrDefault(other => other.Shape.Length == 0
                || !other.Shape[1..].SequenceEqual(first.Shape[1..])
                || other.Type != first.Type) is { } odd)
        {
            throw Fault(
                $"'{tensor.Name}' cannot hold '{first.Name}' ({Words(first)}) and '{odd.Name}' ({Words(odd)}) below "
                    + "each other");
        }

        if (IsTurned(tensor) && first.Shape.Length != 2)
        {
            throw Fault(
                $"'{tensor.Name}' cannot be transposed: '{first.Name}' has {first.Shape.Length} dimensions");
        }

        long[] shape = first.Shape.Length == 0 ? [] : [tensor.Size, .. first.Shape[1..]];
        return IsTurned(tensor) ? [shape[1], shape[0]] : shape;
    }

    private static string Words(BaseWeight weight) => $"{weight.Type} [{string.Join(", ", weight.Shape)}]";

    private static NameTable Table(IModel model)
    {
        var map = new CheckpointMap();
        model.MapCheckpoint(map);
        model.State.Format?.Map(map);
        return map.Table;
    }

    /// <summary>Whether a tensor is one weight, which it may hold with rows and columns exchanged.</summary>
    public bool IsWhole(StoredTensor tensor) =>
        tensor.Rows is [var rows] && rows.Count == tensor.Size && rows.Count == weights[rows.Tensor].Rows;

    private StoredTensor Whole(int weight) => new(
        weights[weight].Name, weights[weight].Rows, [new(weight, 0, weights[weight].Rows, 0)]);

    private IEnumerable<StoredTensor> Own() =>
        Enumerable.Range(0, weights.Count).Where(i => !weights[i].IsOptional).Select(Whole);

    private IEnumerable<StoredTensor> Plain()
    {
        var fused = new Dictionary<string, StoredTensor>();
        for (var i = 0; i < weights.Count; i++)
        {
            var weight = weights[i];
            if (weight.IsOptional)
            {
                continue;
            }

            if (weight.Layer?.SourceOf(weight.Key) is not var (source, firstRow))
            {
                yield return Whole(i);
                continue;
            }

            var name = weight.Sibling(source);
            var found = fused.GetValueOrDefault(name) ?? new(name, 0, []);
            fused[name] = found with
            {
                Size = Math.Max(found.Size, firstRow + weight.Rows),
                Rows = [.. found.Rows, new(i, 0, weight.Rows, firstRow)],
            };
            ignored.AddRange(weight.Layer.RedundantSources.Select(other => Name(weight.Sibling(other))));
        }

        foreach (var tensor in fused.Values)
        {
            yield return tensor;
        }
    }

    private void Apply(IModel model, NameTable table, string start, bool hasPrefix)
    {
        if (table.IsEmpty)
        {
            return;
        }

        Tensors = Within(Tensors, start, inner => table.Apply(inner, (rule, fault) =>
        {
            if (!fault.IsIdle)
            {
                throw Fault($"[{table.Rules[rule].Attribute}] of {model.GetType().Name}: {fault.Message}");
            }
        }));

        // What a block leaves out goes through the rules around it like its tensors, star by star.
        var inner = Within(ignored, start, names => table.Apply(names, (_, _) => { }));
        ignored.Clear();
        ignored.AddRange(inner);
        foreach (var pattern in table.Ignored.SelectMany(patterns => patterns.Split('|')))
        {
            ignored.Add(Name(start + pattern.Trim(' ')));
            ignored.Add(Name(start + table.Prefix + pattern.Trim(' ')));
        }

        List<StoredTensor> Within(
            IReadOnlyList<StoredTensor> tensors,
            string start,
            Func<IReadOnlyList<StoredTensor>, IReadOnlyList<StoredTensor>> map)
        {
            var isInside = tensors.ToLookup(tensor => tensor.Name.StartsWith(start, StringComparison.Ordinal));
            var mapped = map([.. isInside[true].Select(tensor => tensor with { Name = tensor.Name[start.Length..] })]);
            return
            [
                .. mapped.Select(tensor => tensor with
                {
                    Name = start + (hasPrefix ? table.WithPrefix(tensor.Name) : tensor.Name),
                }),
                .. isInside[false],
            ];
        }
    }

    private static StoredTensor Name(string name) => new(name, 0, []);

    private CheckpointException Fault(string problem) => new(path, problem, "correct the rules of the model's class");
}
