using System.ComponentModel;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>The gradients of a quantizer with trained steps.</summary>
/// <param name="Input">Gradient of x, in its shape.</param>
/// <param name="Step">Gradient of the steps.</param>
/// <param name="Before">Gradient of the shift before, or null.</param>
/// <param name="After">Gradient of the shift after, or null.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct StepGradients(Tensor Input, Tensor Step, Tensor? Before, Tensor? After);
