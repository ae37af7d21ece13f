namespace Marrow.Quantization.Layers;

/// <summary>A layer with quantized weights.</summary>
internal interface IQuantizedLayer
{
    /// <summary>The layer's name from the model's root.</summary>
    string LayerName { get; }

    /// <summary>How it is quantized.</summary>
    QuantizerSettings Settings { get; }

    /// <summary>Its quantized weights.</summary>
    IEnumerable<QuantizedWeight> QuantizedWeights { get; }
}
