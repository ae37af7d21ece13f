using Marrow.Shared;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

// What the annotations of a class make of the layers of its model, and of those of the blocks inside.
public sealed partial class LayerBuilder
{
    private readonly List<AdapterOf> adapters = [];
    private readonly List<string> trained = [];
    private readonly TrainedParts trainedParts;
    private readonly Dictionary<Type, Func<object?[], nn.Module>> replacements = [];
    private readonly List<string> layers = []; // that an annotation may mean, for its messages
    private QuantizerOf<LinearSite, Linear>? quantizer;
    private Func<LinearSite, Linear>? headQuantizer;
    private QuantizerOf<Conv2dSite, Conv2d>? convolutionQuantizer;
    private QuantizerOf<AttentionSite, Attention>? attentionQuantizer;
    private bool recomputesBlocks, quantizesAny;

    /// <summary>Adapts every layer of this model and its blocks that the targets match.</summary>
    /// <param name="targets">Patterns over layer names, joined by <c>|</c>; null: all but the output head.</param>
    /// <param name="create">Makes the adapted layer; null if the quantizer of this model means all of them too.</param>
    /// <param name="quantized">Makes a layer that the quantizer of this model means too; null if there is none.</param>
    /// <param name="exclude">Patterns of layers that are left out; null: none.</param>
    /// <param name="convolution">Makes an adapted convolution; null if the targets name none.</param>
    /// <param name="embedding">Makes an adapted embedding; null if the targets name none.</param>
    public void Adapt(
        string? targets,
        Func<LinearSite, Linear>? create = null,
        Func<LinearSite, Linear>? quantized = null,
        string? exclude = null,
        Func<Conv2dSite, Conv2d>? convolution = null,
        Func<EmbeddingSite, Embedding>? embedding = null) =>
        adapters.Add(new(targets, exclude, create, quantized, convolution, embedding));

    /// <summary>
    /// Puts another block in the place of each <typeparamref name="T"/> of this model and its blocks.
    /// </summary>
    /// <param name="create">Makes it from the arguments of the block that it replaces.</param>
    public void Replace<T>(Func<object?[], T> create)
        where T : nn.Module, IModel => replacements.Add(typeof(T), create);

    /// <summary>Layers and blocks of this model that are trained whole where there are adapters.</summary>
    /// <param name="patterns">Patterns over their names, joined by <c>|</c>.</param>
    public void Train(string patterns) => trained.Add(patterns);

    /// <summary>The biases that are trained where there are adapters.</summary>
    public void TrainBiases(AdapterBias biases) => trainedParts.Biases = biases;

    /// <summary>Quantizes every linear layer of this model and its blocks that the targets match.</summary>
    /// <param name="targets">Patterns over layer names, joined by <c>|</c>; null: all but the output heads.</param>
    /// <param name="create">Makes a quantized layer that no adapter means; null if all of them are adapted.</param>
    /// <param name="exclude">Patterns of layers that are left out; null: none.</param>
    public void Quantize(string? targets, Func<LinearSite, Linear>? create = null, string? exclude = null) =>
        quantizer = new(targets, exclude, create);

    /// <summary>Every block of this model keeps only its inputs for the backward.</summary>
    public void RecomputeBlocks() => recomputesBlocks = true;

    /// <summary>What output heads become.</summary>
    public void QuantizeHeads(Func<LinearSite, Linear> create) => headQuantizer = create;

    /// <summary>Quantizes every convolution that the targets match; null: all.</summary>
    public void QuantizeConvolutions(
        string? targets, Func<Conv2dSite, Conv2d> create, string? exclude = null) =>
        convolutionQuantizer = new(targets, exclude, create);

    /// <summary>
    /// Quantizes every attention that the targets match; null: all. Its linear layers are matched for themselves.
    /// </summary>
    public void QuantizeAttention(
        string? targets, Func<AttentionSite, Attention> create, string? exclude = null) =>
        attentionQuantizer = new(targets, exclude, create);

    /// <summary>The block, or what the outermost model around it puts in its place.</summary>
    private T Made<T>(Func<T> create, object?[]? arguments)
        where T : nn.Module
    {
        Func<object?[], nn.Module>? replacement = null;
        for (var builder = this; builder is not null && arguments is not null; builder = builder.outer)
        {
            replacement = builder.replacements.GetValueOrDefault(typeof(T)) ?? replacement;
        }

        return replacement is null ? create() : (T)replacement(arguments!);
    }

    private T Recomputing<T>(T block, bool recompute)
        where T : IModel
    {
        if (recompute || recomputesBlocks)
        {
            block.State.Recomputes = true;
        }

        return block;
    }

    /// <summary>What the annotations of the classes around a linear layer make of it, or null.</summary>
    private Func<LinearSite, Linear>? Specialized(string layer, bool isHead)
    {
        if (IsTrained(layer))
        {
            return null;
        }

        Func<LinearSite, Linear>? found = null;
        Note(layer);
        for (var builder = this; builder is not null; builder = builder.outer)
        {
            if (builder.Special(layer.Substring(builder.prefix.Length), layer, isHead) is { } create)
            {
                Require(found is null
                    ? null
                    : $"Two classes adapt or quantize layer '{layer}'; narrow one's Targets, or put both annotations "
                        + "on one class");
                found = create;
            }
        }

        return found;
    }

    /// <summary>What this model's own annotations make of a linear layer.</summary>
    private Func<LinearSite, Linear>? Special(string relative, string layer, bool isHead)
    {
        var adapted = adapters.Where(adapter => adapter.Means(relative, isHead)).ToList();
        Require(adapted.Count < 2 ? null : $"Two class-level adapters target layer '{layer}'; narrow one's Targets");
        var isQuantized = quantizer is { } own && own.Means(relative, isHead);
        adapted.ForEach(adapter => adapter.IsUsed = true);
        quantizesAny |= isQuantized || (isHead && headQuantizer is not null);
        return (adapted, isQuantized) switch
        {
            ([{ Quantized: { } both }], true) => both,
            ([{ Create: { } alone }], false) => alone,
            ([], true) when quantizer!.Create is { } plain => plain,
            ([], false) => isHead ? headQuantizer : null,
            _ => site => throw site.NotPlanned(),
        };
    }

    /// <summary>What the classes around a convolution or an embedding make of it by its name, or null.</summary>
    private Func<TSite, TLayer>? Adapted<TSite, TLayer>(
        string layer, Func<AdapterOf, Func<TSite, TLayer>?> kind)
    {
        var found = new List<Func<TSite, TLayer>>();
        Note(layer);
        for (var builder = IsTrained(layer) ? null : this; builder is not null; builder = builder.outer)
        {
            foreach (var adapter in builder.adapters.Where(adapter =>
                kind(adapter) is not null && adapter.Names(layer[builder.prefix.Length..])))
            {
                adapter.IsUsed = true;
                found.Add(kind(adapter)!);
            }
        }

        Require(found.Count < 2 ? null : $"Two class-level adapters target layer '{layer}'; narrow one's Targets");
        return found.FirstOrDefault();
    }

    private Func<TSite, TLayer>? Nearest<TSite, TLayer>(
        string layer, Func<LayerBuilder, QuantizerOf<TSite, TLayer>?> annotation)
    {
        for (var builder = IsTrained(layer) ? null : this; builder is not null; builder = builder.outer)
        {
            if (annotation(builder) is { } found && found.Means(layer.Substring(builder.prefix.Length), isHead: false))
            {
                builder.quantizesAny = true;
                return found.Create;
            }
        }

        return null;
    }

    /// <summary>Whether a layer, or a block that it is in, is trained whole where there are adapters.</summary>
    private bool IsTrained(string layer)
    {
        for (var builder = this; builder is not null; builder = builder.outer)
        {
            if (builder.trained.Count > 0 && LayerTargets.Around(layer[builder.prefix.Length..]).Any(name =>
                builder.trained.Exists(patterns => LayerTargets.Match(patterns, name))))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Notes a layer that an annotation of the classes around it may mean.</summary>
    private void Note(string layer)
    {
        for (var builder = this; builder is not null; builder = builder.outer)
        {
            builder.layers.Add(layer[builder.prefix.Length..]);
        }
    }

    /// <summary>Refuses an annotation that no layer took: the model would train whole, or compute in floats.</summary>
    private void RequireTakers()
    {
        foreach (var adapter in adapters)
        {
            RequireTaker(adapter.IsUsed, "adapter", "adapts", adapter.Targets);
        }

        RequireTaker(quantizer is null || quantizesAny, "quantizer", "quantizes", quantizer?.Targets);

        void RequireTaker(bool isUsed, string what, string does, string? targets) => Require(isUsed
            ? null
            : $"{model.GetType().Name}'s {what} "
                + (targets is null ? "without Targets" : $"with Targets = \"{targets}\"") + $" {does} no layer; "
                + (layers.Count == 0
                    ? "the model has none that it could take"
                    : $"there are {string.Join(", ", layers.Distinct().Take(20).Select(layer => $"'{layer}'"))}"
                        + (layers.Count > 20 ? ", …" : "") + ": name some of them in Targets"));
    }

    private void Mark(string name, nn.Module module)
    {
        if (IsTrained(prefix + name))
        {
            trainedParts.Names.Add(prefix + name);
            trainedParts.Modules.Add(module);
        }
    }

    /// <summary>What is trained whole where there are adapters.</summary>
    private sealed class TrainedParts
    {
        public List<string> Names { get; } = [];

        public List<nn.Module> Modules { get; } = [];

        public List<Parameter> Tensors { get; } = [];

        public AdapterBias Biases { get; set; }

        public IEnumerable<Parameter> Parameters => Modules.SelectMany(module => module.parameters()).Concat(Tensors);
    }

    /// <summary>A class-level adapter.</summary>
    private sealed record AdapterOf(
        string? Targets,
        string? Exclude,
        Func<LinearSite, Linear>? Create,
        Func<LinearSite, Linear>? Quantized,
        Func<Conv2dSite, Conv2d>? Convolution,
        Func<EmbeddingSite, Embedding>? Embedding)
    {
        public bool IsUsed { get; set; }

        public bool Means(string layer, bool isHead) => LayerTargets.Mean(Targets, Exclude, layer, isHead);

        public bool Names(string layer) => LayerTargets.Name(Targets, Exclude, layer);
    }

    /// <summary>A class-level quantizer of one kind of layer.</summary>
    private sealed record QuantizerOf<TSite, TLayer>(string? Targets, string? Exclude, Func<TSite, TLayer>? Create)
    {
        public bool Means(string layer, bool isHead) => LayerTargets.Mean(Targets, Exclude, layer, isHead);
    }
}
