namespace Marrow;

/// <summary>A long short-term memory: TorchSharp's <c>LSTM</c>.</summary>
/// <param name="inputSize">Features of the input.</param>
/// <param name="hiddenSize">Features of the state.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class LstmAttribute(object inputSize, object hiddenSize) : LayerAttribute
{
    /// <summary>Features of the input.</summary>
    public object InputSize { get; } = inputSize;

    /// <summary>Features of the state.</summary>
    public object HiddenSize { get; } = hiddenSize;

    /// <summary>Layers upon one another. 1 if not given.</summary>
    public object Layers { get; set; } = 1;

    /// <summary>Whether biases are added. True if not given.</summary>
    public object Bias { get; set; } = true;

    /// <summary>
    /// Whether the input is [batch, tokens, features] and not [tokens, batch, features]. False if not given.
    /// </summary>
    public object BatchFirst { get; set; } = false;

    /// <summary>Dropout between layers, in training. 0 if not given.</summary>
    public object Dropout { get; set; } = 0.0;

    /// <summary>Whether a second one reads backward. False if not given.</summary>
    public object Bidirectional { get; set; } = false;
}

/// <summary>Gated recurrent units: TorchSharp's <c>GRU</c>.</summary>
/// <param name="inputSize">Features of the input.</param>
/// <param name="hiddenSize">Features of the state.</param>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class GruAttribute(object inputSize, object hiddenSize) : LayerAttribute
{
    /// <summary>Features of the input.</summary>
    public object InputSize { get; } = inputSize;

    /// <summary>Features of the state.</summary>
    public object HiddenSize { get; } = hiddenSize;

    /// <summary>Layers upon one another. 1 if not given.</summary>
    public object Layers { get; set; } = 1;

    /// <summary>Whether biases are added. True if not given.</summary>
    public object Bias { get; set; } = true;

    /// <summary>
    /// Whether the input is [batch, tokens, features] and not [tokens, batch, features]. False if not given.
    /// </summary>
    public object BatchFirst { get; set; } = false;

    /// <summary>Dropout between layers, in training. 0 if not given.</summary>
    public object Dropout { get; set; } = 0.0;

    /// <summary>Whether a second one reads backward. False if not given.</summary>
    public object Bidirectional { get; set; } = false;
}
