using System.ComponentModel;
using Marrow.Layers;
using Marrow.Models;
using Marrow.Shared;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Builds the layers of one model: each is made once, with its adapter if it has one, on the chosen device. Nested
/// models are built by builders of their own, which know the names and adapters around them.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class LayerBuilder : ILinearBuilder
{
    [ThreadStatic]
    private static LayerBuilder? current;

    private readonly nn.Module model;
    private readonly Tables tables;
    private readonly LayerBuilder? outer;
    private readonly string prefix;
    private readonly Device device;
    private readonly ScalarType dtype;
    private readonly List<AdapterOf> adapters = [];
    private readonly List<string> trained = [];
    private readonly TrainedParts trainedParts;
    private readonly Dictionary<Type, Func<object?[], nn.Module>> replacements = [];
    private QuantizerOf<LinearSite, Linear>? quantizer;
    private Func<LinearSite, Linear>? headQuantizer;
    private QuantizerOf<Conv2dSite, Conv2d>? convolutionQuantizer;
    private QuantizerOf<AttentionSite, Attention>? attentionQuantizer;
    private bool recomputesBlocks;
    private string childName = "";

    private LayerBuilder(nn.Module model, Tables tables, LayerBuilder? outer)
    {
        (this.model, this.tables, this.outer) = (model, tables, outer);
        prefix = outer is null ? "" : outer.childName + ".";
        device = outer?.device ?? Construction.Device;
        dtype = outer?.dtype ?? Construction.Dtype;
        trainedParts = outer?.trainedParts ?? new();
    }

    /// <summary>Builds a model; called by its base constructor.</summary>
    internal static void Build(IModel model, Tables tables)
    {
        var outer = current;
        var builder = new LayerBuilder(model.Module, tables, outer);
        current = builder;
        try
        {
            model.Specialize(builder);
            model.BuildLayers(builder);
        }
        finally
        {
            current = outer;
        }

        if (outer is null)
        {
            model.FreezeBase(builder.trainedParts.Parameters);
        }
    }

    /// <summary>Adapts every linear layer of this model and its blocks that the targets match.</summary>
    /// <param name="targets">Patterns over layer names, joined by <c>|</c>; null: all but the output head.</param>
    /// <param name="create">Makes the adapted layer; null if the quantizer of this model means all of them too.</param>
    /// <param name="quantized">Makes a layer that the quantizer of this model means too; null if there is none.</param>
    /// <param name="exclude">Patterns of layers that are left out; null: none.</param>
    public void Adapt(
        string? targets,
        Func<LinearSite, Linear>? create = null,
        Func<LinearSite, Linear>? quantized = null,
        string? exclude = null) => adapters.Add(new(targets, exclude, create, quantized));

    /// <summary>
    /// Puts another block in the place of each <typeparamref name="T"/> of this model and its blocks.
    /// </summary>
    /// <param name="create">Makes it from the arguments of the block that it replaces.</param>
    public void Replace<T>(Func<object?[], T> create)
        where T : nn.Module, IModel => replacements.Add(typeof(T), create);

    /// <summary>Layers and blocks of this model that are trained whole where there are adapters.</summary>
    /// <param name="patterns">Patterns over their names, joined by <c>|</c>.</param>
    public void Train(string patterns) => trained.Add(patterns);

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

    /// <summary>A linear layer.</summary>
    /// <param name="name">Name relative to the model.</param>
    /// <param name="inFeatures">Features of the input.</param>
    /// <param name="outFeatures">Features of the output.</param>
    /// <param name="bias">Whether a bias is added.</param>
    /// <param name="tokens">Number of positions of the input, or null.</param>
    /// <param name="positiveInput">Whether the input is mostly positive.</param>
    /// <param name="isHead">Whether it is an output head.</param>
    /// <param name="init">What the weight starts with; null: PyTorch's values.</param>
    /// <param name="adapter">
    /// Makes the layer with an adapter of its own, which wins over those of the classes around it.
    /// </param>
    /// <exception cref="ArgumentException">A size is not positive, or does not suit the adapter.</exception>
    public Linear Linear(
        string name,
        long inFeatures,
        long outFeatures,
        bool bias,
        long? tokens = null,
        bool positiveInput = false,
        bool isHead = false,
        Initialization? init = null,
        Func<LinearSite, Linear>? adapter = null)
    {
        var full = prefix + name;
        Require(AdapterSizes.Positive(full, "Input features", inFeatures));
        Require(AdapterSizes.Positive(full, "Output features", outFeatures));
        var site = new LinearSite(full, inFeatures, outFeatures, bias, tokens, positiveInput, dtype, device)
        {
            Init = init,
        };
        var create = adapter ?? Specialized(full, isHead) ?? (plain => new Linear(plain));
        var layer = create(site);
        if (device.type != DeviceType.META)
        {
            (layer as AdaptedLinear)?.Initialize();
        }

        return Register(name, layer);
    }

    /// <summary>An output head that shares an embedding's weight.</summary>
    /// <exception cref="ArgumentException">The sizes are not the embedding's, or a bias is asked for.</exception>
    public Linear Tied(string name, Embedding embedding, long inFeatures, long outFeatures, bool bias = false)
    {
        Require(bias
            ? $"Layer '{prefix}{name}' shares the weight of '{embedding.LayerName}', so it has no bias; leave Bias out"
            : null);
        Require((inFeatures, outFeatures) == (embedding.Dim, embedding.Count)
            ? null
            : $"Layer '{prefix}{name}' is {inFeatures} → {outFeatures}, but the weight that it shares, "
                + $"'{embedding.LayerName}', is {embedding.Count} × {embedding.Dim}");
        return Register(name, new TiedLinear(prefix + name, embedding));
    }

    /// <summary>A convolution.</summary>
    /// <exception cref="ArgumentException">A size is not positive, or the groups do not divide the
    /// channels.</exception>
    public Conv2d Conv2d(
        string name,
        long inChannels,
        long outChannels,
        long kernel,
        bool bias,
        long stride = 1,
        long padding = 0,
        long groups = 1,
        long? tokens = null,
        Initialization? init = null,
        Func<Conv2dSite, Conv2d>? quantizer = null)
    {
        var full = prefix + name;
        Require(AdapterSizes.Positive(full, "Input channels", inChannels));
        Require(AdapterSizes.Positive(full, "Output channels", outChannels));
        Require(AdapterSizes.Positive(full, "Kernel", kernel));
        Require(AdapterSizes.Positive(full, "Stride", stride));
        Require(AdapterSizes.Positive(full, "Groups", groups));
        var site = new Conv2dSite(
            full, inChannels, outChannels, kernel, stride, padding, groups, bias, tokens, dtype, device)
        {
            Init = init,
        };
        var create = quantizer ?? Nearest(full, builder => builder.convolutionQuantizer) ?? (plain =>
            new Conv2d(plain));
        return Register(name, create(site));
    }

    /// <summary>Multi-head self-attention.</summary>
    /// <exception cref="ArgumentException">A size is not positive, or the heads do not divide the width.</exception>
    public Attention Attention(
        string name,
        long dim,
        long heads,
        bool qkvBias,
        long window = 0,
        long shift = 0,
        long? tokens = null,
        Func<AttentionSite, Attention>? quantizer = null)
    {
        var full = prefix + name;
        Require(AdapterSizes.Positive(full, "Dimension", dim));
        Require(AdapterSizes.Positive(full, "Heads", heads));
        Require(AdapterSizes.HeadsDivide(full, heads, dim));
        var create = quantizer ?? Nearest(full, builder => builder.attentionQuantizer) ?? (plain =>
            new Attention(plain));
        var attention = Register(
            name, create(new AttentionSite(full, dim, heads, qkvBias, window, shift, tokens, dtype, device)));
        childName = full;
        attention.BuildLayers(new LayerBuilder(attention, tables, this));
        return attention;
    }

    /// <summary>An embedding table.</summary>
    /// <exception cref="ArgumentException">A size is not positive, or the padding is none of the ids.</exception>
    public Embedding Embedding(
        string name, long count, long dim, long? paddingIndex = null, Initialization? init = null)
    {
        Require(AdapterSizes.Positive(prefix + name, "Count", count));
        Require(AdapterSizes.Positive(prefix + name, "Dimension", dim));
        Require(paddingIndex is null || (paddingIndex >= 0 && paddingIndex < count)
            ? null
            : $"PaddingIndex {paddingIndex} of layer '{prefix + name}' is none of its {count} ids");
        return Register(name, new Embedding(prefix + name, count, dim, dtype, device, paddingIndex, init));
    }

    /// <summary>Root mean square normalization.</summary>
    public RmsNorm RmsNorm(string name, long dim, double eps)
    {
        Require(AdapterSizes.Positive(prefix + name, "Dimension", dim));
        return Register(name, new RmsNorm(prefix + name, dim, eps, dtype, device));
    }

    /// <summary>Layer normalization.</summary>
    public LayerNorm LayerNorm(string name, long dim, double eps, bool bias)
    {
        Require(AdapterSizes.Positive(prefix + name, "Dimension", dim));
        return Register(name, new LayerNorm(prefix + name, dim, eps, bias, dtype, device));
    }

    /// <summary>Dropout.</summary>
    public Dropout Dropout(string name, double probability) => Register(name, new Dropout(prefix + name, probability));

    /// <summary>A trainable tensor of the model itself.</summary>
    public void Parameter(string name, long[] sizes, Initialization? init = null)
    {
        RequireSizes(name, sizes);
        using var scope = NewDisposeScope();
        var values = Initial.Of(init ?? new(ParameterInit.Zeros), sizes, dtype, device);
        var parameter = ComponentMoves.Owned(values, trainable: true);
        model.register_parameter(name, parameter);
        if (IsTrained(prefix + name))
        {
            trainedParts.Tensors.Add(parameter);
        }
    }

    /// <summary>
    /// A table of the model itself: computed and not saved, or with a first value and part of the state.
    /// </summary>
    public void Buffer(string name, long[] sizes, Func<Tensor>? compute = null, bool persistent = false)
    {
        RequireSizes(name, sizes);
        if (persistent)
        {
            model.register_buffer(name, Tables.Compute(name, sizes, compute, dtype, device));
        }
        else
        {
            tables.Add(name, sizes, compute, dtype, device);
        }
    }

    /// <summary>A nested model.</summary>
    /// <param name="name">Name relative to this model.</param>
    /// <param name="create">Makes it.</param>
    /// <param name="arguments">What it is made from, for a block in its place; null: none can be.</param>
    /// <param name="recompute">Whether it keeps only its inputs for the backward.</param>
    public T Block<T>(string name, Func<T> create, object?[]? arguments = null, bool recompute = false)
        where T : nn.Module, IModel
    {
        childName = prefix + name;
        return Register(name, Recomputing(Made(create, arguments), recompute));
    }

    /// <summary>Copies of a nested model, named 0, 1, …, each made from its number.</summary>
    /// <inheritdoc cref="Block"/>
    public ModuleList<T> Blocks<T>(
        string name,
        long count,
        Func<int, T> create,
        Func<int, object?[]>? arguments = null,
        bool recompute = false)
        where T : nn.Module, IModel => List(name, count, i =>
        {
            childName = $"{prefix}{name}.{i}";
            return Recomputing(Made(() => create(i), arguments?.Invoke(i)), recompute);
        });

    /// <summary>Copies of a layer, named 0, 1, …, each made from its name and number.</summary>
    public ModuleList<T> Repeat<T>(string name, long count, Func<string, int, T> create)
        where T : nn.Module
    {
        // Each copy is registered, as any layer, by its own name, which leads into the list.
        var list = Register(name, new ModuleList<T>(prefix + name));
        for (var i = 0; i < Copies(name, count); i++)
        {
            list.Follow(create($"{name}.{i}", i));
        }

        return list;
    }

    /// <summary>
    /// A module of TorchSharp's or a hand-written one. Adapters of the classes around it do not reach into it.
    /// </summary>
    public T Module<T>(string name, Func<T> create)
        where T : nn.Module => Register(name, Apart(prefix + name, create));

    /// <summary>Copies of a hand-written module, named 0, 1, …, each made from its number.</summary>
    public ModuleList<T> Modules<T>(string name, long count, Func<int, T> create)
        where T : nn.Module => List(name, count, i => Apart($"{prefix}{name}.{i}", () => create(i)));

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

    /// <summary>
    /// Makes a hand-written module, which knows nothing of the builder. It is made on the default device, and brought
    /// to where the model is wanted; on the meta device it keeps its values.
    /// </summary>
    private T Apart<T>(string name, Func<T> create)
        where T : nn.Module
    {
        var builder = current;
        current = null;
        try
        {
            var module = create();
            HandWritten.RequireRegistered(module, name);
            HandWritten.Own(module);
            if (!Construction.IsDefault && device.type != DeviceType.META)
            {
                module.to(device, dtype);
            }

            return module;
        }
        finally
        {
            current = builder;
        }
    }

    private static void Require(string? fault)
    {
        if (fault is not null)
        {
            throw new ArgumentException(fault + ".");
        }
    }

    private ModuleList<T> List<T>(string name, long count, Func<int, T> create)
        where T : nn.Module
    {
        var list = new ModuleList<T>(prefix + name);
        for (var i = 0; i < Copies(name, count); i++)
        {
            var item = create(i);
            list.Add(item);
            Mark($"{name}.{i}", item);
        }

        return Register(name, list);
    }

    private long Copies(string name, long count)
    {
        Require(AdapterSizes.NotNegative(prefix + name, "Count", count));
        return count;
    }

    private void RequireSizes(string name, long[] sizes)
    {
        for (var i = 0; i < sizes.Length; i++)
        {
            Require(AdapterSizes.Positive(prefix + name, $"Size {i}", sizes[i]));
        }
    }

    /// <summary>What the annotations of the classes around a linear layer make of it, or null.</summary>
    private Func<LinearSite, Linear>? Specialized(string layer, bool isHead)
    {
        if (IsTrained(layer))
        {
            return null;
        }

        Func<LinearSite, Linear>? found = null;
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
        return (adapted, isQuantized) switch
        {
            ([{ Quantized: { } both }], true) => both,
            ([{ Create: { } alone }], false) => alone,
            ([], true) when quantizer!.Create is { } plain => plain,
            ([], false) => isHead ? headQuantizer : null,
            _ => site => throw site.NotPlanned(),
        };
    }

    private Func<TSite, TLayer>? Nearest<TSite, TLayer>(
        string layer, Func<LayerBuilder, QuantizerOf<TSite, TLayer>?> annotation)
    {
        for (var builder = IsTrained(layer) ? null : this; builder is not null; builder = builder.outer)
        {
            if (annotation(builder) is { } found && found.Means(layer.Substring(builder.prefix.Length), isHead: false))
            {
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

    private T Register<T>(string name, T module)
        where T : nn.Module
    {
        var parts = name.Split('.');
        var parent = model;
        foreach (var part in parts[..^1])
        {
            var next = parent.named_children().FirstOrDefault(child => child.name == part).module;
            if (next is null)
            {
                next = new Prefix(part);
                parent.register_module(part, next);
            }

            parent = next;
        }

        parent.register_module(parts[^1], module);
        Mark(name, module);
        return module;
    }

    private void Mark(string name, nn.Module module)
    {
        if (IsTrained(prefix + name))
        {
            trainedParts.Modules.Add(module);
        }
    }

    /// <summary>What is trained whole where there are adapters.</summary>
    private sealed class TrainedParts
    {
        public List<nn.Module> Modules { get; } = [];

        public List<Parameter> Tensors { get; } = [];

        public IEnumerable<Parameter> Parameters => Modules.SelectMany(module => module.parameters()).Concat(Tensors);
    }

    /// <summary>A class-level adapter.</summary>
    private sealed record AdapterOf(
        string? Targets, string? Exclude, Func<LinearSite, Linear>? Create, Func<LinearSite, Linear>? Quantized)
    {
        public bool Means(string layer, bool isHead) => LayerTargets.Mean(Targets, Exclude, layer, isHead);
    }

    /// <summary>A class-level quantizer of one kind of layer.</summary>
    private sealed record QuantizerOf<TSite, TLayer>(string? Targets, string? Exclude, Func<TSite, TLayer>? Create)
    {
        public bool Means(string layer, bool isHead) => LayerTargets.Mean(Targets, Exclude, layer, isHead);
    }
}
