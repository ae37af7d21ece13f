using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// A layer with its own forward and backward over rows, which <see cref="LayerFunction"/> joins to autograd. Neither
/// needs to free its temporaries.
/// </summary>
internal interface IExplicitLayer
{
    /// <summary>The layer's name, as messages use it.</summary>
    string LayerName { get; }

    /// <summary>Features of the input.</summary>
    long InFeatures { get; }

    /// <summary>Type of the input.</summary>
    ScalarType Dtype { get; }

    /// <summary>What gets a gradient, in the order of <see cref="Gradients.Parameters"/>.</summary>
    IReadOnlyList<Parameter> Trainable { get; }

    /// <summary>What forward and backward read besides.</summary>
    IReadOnlyList<Parameter> Frozen { get; }

    /// <summary>x [n, in], contiguous, to y [n, out]; outside autograd.</summary>
    Tensor Forward(Saved saved, Tensor x);

    /// <summary>dy [n, out], contiguous, to the gradients.</summary>
    Gradients Backward(Saved saved, Tensor dy);
}
