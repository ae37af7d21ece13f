using System.Runtime.InteropServices;
using Marrow.Layers;
using Marrow.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Base of the layers that Marrow's builder makes. Parameters live in the module's own table and are looked up
/// there, because moving a module replaces them.
/// </summary>
/// <param name="name">The layer's name, from the model's root.</param>
public abstract class Layer(string name) : nn.Module<Tensor, Tensor>(name), IComponents
{
    /// <summary>The layer's name from the model's root, as messages use it.</summary>
    public string LayerName { get; } = name;

    /// <summary>Runs the layer.</summary>
    /// <exception cref="ArgumentException">The input does not suit the layer; names it and both shapes.</exception>
    public new Tensor call(Tensor x)
    {
        try
        {
            return base.call(x);
        }
        catch (ExternalException fault) when (Wanted(x) is not null)
        {
            throw new ArgumentException(
                $"Layer '{LayerName}' takes {Wanted(x)}; the input is {x.dtype} [{string.Join(", ", x.shape)}].",
                nameof(x),
                fault);
        }
    }

    /// <summary>What input the layer takes, if this is none; null if it is one.</summary>
    private protected virtual string? Wanted(Tensor x) => null;

    /// <summary><see cref="Wanted"/> of a layer over the last dimension.</summary>
    private protected static string? WantedLast(Tensor x, long size, ScalarType dtype) =>
        x.dim() == 0 || x.size(-1) != size || x.dtype != dtype ? $"{dtype} [..., {size}]" : null;

    /// <summary>
    /// Names of the parameters that belong to quantizers. A checkpoint of the plain model has none of them; then they
    /// start from the first input.
    /// </summary>
    internal HashSet<string> QuantizerParameters { get; } = [];

    /// <summary>
    /// Where a plain checkpoint has a parameter's values, if not under its own name: rows of another tensor.
    /// </summary>
    internal virtual (string Source, long FirstRow)? SourceOf(string parameter) => null;

    /// <summary>
    /// Tensors of a plain checkpoint that parameters are taken from, and that may go unused in part or whole.
    /// </summary>
    internal virtual IReadOnlyList<string> RedundantSources => [];

    /// <summary>Parameters that an exported model has no use for: latent weights and what finds their scales.</summary>
    internal virtual IReadOnlyList<string> LatentParameters => [];

    /// <summary>Adds what the layer computes in evaluation to a graph.</summary>
    /// <exception cref="CheckpointException">It has no form in ONNX, or not yet all values.</exception>
    internal virtual OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x) => throw graph.Unknown(
        $"layer '{LayerName}' is a {GetType().Name}, which the export to ONNX does not know",
        "use a linear layer, a convolution, a LayerNorm or an Attention in its place");

    /// <summary>Makes the layer one for inference: packed weights take the place of the latent parameters.</summary>
    /// <param name="weights">By the names of the layer's quantized weights.</param>
    internal virtual void UsePacked(IReadOnlyDictionary<string, PackedWeight> weights)
    {
        // A layer without latent parameters computes the same for inference.
    }

    /// <summary>Forgets parameters.</summary>
    private protected void Remove(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            _internal_params.Remove(name, out var parameter);
            parameter?.Dispose();
        }
    }

    /// <summary>Registers a packed weight's words and scales, and forgets the latent parameters.</summary>
    private protected PackedWeight Take(PackedWeight weight, string name)
    {
        Add($"{name}.words", weight.Words, trainable: false);
        Add($"{name}.scale", weight.Scale, trainable: false);
        return weight with { Words = GetParameter($"{name}.words"), Scale = GetParameter($"{name}.scale") };
    }

    /// <summary>What moves and goes with the layer beside its own tensors, or null.</summary>
    private protected ICompanion? Companion { get; set; }

    void IComponents.Replace(string name, Tensor value)
    {
        if (value is Parameter parameter)
        {
            _internal_params[name] = parameter;
        }
        else
        {
            _internal_buffers[name] = (value, true);
        }
    }

    /// <summary>Registers a parameter.</summary>
    private protected void Add(string name, Tensor value, bool trainable)
    {
        (_deviceType, _deviceIndex) = (value.device_type, value.device_index);
        register_parameter(name, ComponentMoves.Owned(value, trainable));
    }

    /// <summary>Registers a quantizer's steps or shifts, zeros at first.</summary>
    private protected void AddQuantizer(string name, long size, ScalarType dtype, Device device)
    {
        using var scope = NewDisposeScope();
        Add(name, zeros(size, dtype: dtype, device: device), trainable: true);
        QuantizerParameters.Add(name);
    }

    /// <summary>The parameter of this name, as it is now.</summary>
    protected internal Parameter GetParameter(string name) => _internal_params[name];

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // TorchSharp would register every tensor field; layers register what they own, once.
    }

    /// <inheritdoc/>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        ComponentMoves.MoveOwn(this, dtype, device);
        ComponentMoves.MoveChildren(this, dtype, device);
        if (device is not null)
        {
            (_deviceType, _deviceIndex) = (device.type, device.index);
        }

        Companion?.Move(dtype, device);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Companion?.Dispose();
        }

        base.Dispose(disposing);
    }
}
