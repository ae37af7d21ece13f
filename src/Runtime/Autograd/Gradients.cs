using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>What a layer's backward returns.</summary>
/// <param name="input">Gradient of the input [n, in], or null if it was not wanted.</param>
/// <param name="parameters">
/// Gradients of the layer's trainable parameters, in their order; null where there is none.
/// </param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct Gradients(Tensor? input, params Tensor?[] parameters)
{
    internal Tensor? Input { get; } = input;

    internal Tensor?[] Parameters { get; } = parameters;
}
