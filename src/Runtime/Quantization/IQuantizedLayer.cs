using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>A layer with quantized weights.</summary>
public interface IQuantizedLayer
{
    /// <summary>The layer's name from the model's root.</summary>
    string LayerName { get; }

    /// <summary>How it is quantized.</summary>
    QuantizerSettings Settings { get; }

    /// <summary>Its quantized weights.</summary>
    IEnumerable<QuantizedWeight> QuantizedWeights { get; }
}

/// <summary>A weight that a layer quantizes in its forward pass; what is trained is the latent float weight.</summary>
/// <param name="Name">Its name in the layer.</param>
/// <param name="Latent">The latent weight, [out, …].</param>
/// <param name="Settings">How it is quantized.</param>
/// <param name="Step">The steps of an LSQ quantizer, or null.</param>
public sealed record QuantizedWeight(string Name, Parameter Latent, QuantizerSettings Settings, Tensor? Step);
