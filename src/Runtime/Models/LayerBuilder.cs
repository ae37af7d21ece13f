using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Layers;
using Marrow.Models;
using Marrow.Shared;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Builds the layers of one model: each is made once, with its adapter if it has one, on the chosen device. Nested
/// models are built by builders of their own, which know the names and adapters around them.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed partial class LayerBuilder : ILinearBuilder
{
    [ThreadStatic]
    private static LayerBuilder? current;

    private readonly nn.Module model;
    private readonly Tables tables;
    private readonly LayerBuilder? outer;
    private readonly string prefix;
    private readonly Device device;
    private readonly ScalarType dtype;
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
            builder.RequireTakers();
        }
        finally
        {
            current = outer;
        }

        if (outer is null)
        {
            model.State.Biases = builder.trainedParts.Biases;
            model.State.TrainedWhole = builder.trainedParts.Names;
            model.FreezeBase(builder.trainedParts.Parameters);
        }
    }

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
            (layer as AdaptedLinear)?.Adaptation.Initialize();
        }

        layer.IsHead = isHead;

        return Register(name, layer);
    }

    /// <summary>An output head that shares an embedding's weight.</summary>
    /// <exception cref="ArgumentException">The sizes are not the embedding's, or a bias is asked for.</exception>
    public Linear Tied(string name, Embedding embedding, long inFeatures, long outFeatures, bool bias = false)
    {
        Require(bias
            ? $"Layer '{prefix}{name}' shares the weight of '{embedding.LayerName}', so it has no bias; leave Bias out"
            : null);
        Require(embedding is not IAdaptedLayer
            ? null
            : $"Layer '{prefix}{name}' shares the weight of '{embedding.LayerName}', which is adapted; leave the "
                + "embedding out of the adapter");
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
        Func<Conv2dSite, Conv2d>? quantizer = null,
        Func<Conv2dSite, Conv2d>? adapter = null)
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
        var create = adapter
            ?? quantizer
            ?? Nearest(full, builder => builder.convolutionQuantizer)
            ?? Adapted(full, annotation => annotation.Convolution)
            ?? (plain => new Conv2d(plain));
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
        string name,
        long count,
        long dim,
        long? paddingIndex = null,
        Initialization? init = null,
        Func<EmbeddingSite, Embedding>? adapter = null)
    {
        var full = prefix + name;
        Require(AdapterSizes.Positive(full, "Count", count));
        Require(AdapterSizes.Positive(full, "Dimension", dim));
        Require(paddingIndex is null || (paddingIndex >= 0 && paddingIndex < count)
            ? null
            : $"PaddingIndex {paddingIndex} of layer '{full}' is none of its {count} ids");
        var site = new EmbeddingSite(full, count, dim, paddingIndex, dtype, device) { Init = init };
        var create = adapter ?? Adapted(full, annotation => annotation.Embedding) ?? (plain => new Embedding(plain));
        return Register(name, create(site));
    }

    /// <summary>Root mean square normalization.</summary>
    public RmsNorm RmsNorm(string name, long dim, double eps, bool zeroCentered = false)
    {
        Require(AdapterSizes.Positive(prefix + name, "Dimension", dim));
        return Register(name, new RmsNorm(prefix + name, dim, eps, zeroCentered, dtype, device));
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
            trainedParts.Names.Add(prefix + name);
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
}
