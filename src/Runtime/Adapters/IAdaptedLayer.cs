using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>A layer with a frozen weight and a trainable adapter.</summary>
internal interface IAdaptedLayer : IComponents
{
    /// <summary>The layer's name from the model's root, as messages use it.</summary>
    string LayerName { get; }

    /// <summary>Its adapter.</summary>
    Adaptation Adaptation { get; }

    /// <summary>The frozen weight, or the merged one.</summary>
    Parameter Weight { get; }

    /// <summary>Whether the base is packed in a few bits; then there is no <see cref="Weight"/>.</summary>
    bool HasPackedBase => false;

    /// <summary>A packed base as numbers; the caller owns it.</summary>
    Tensor UnpackedBase() =>
        throw new InvalidOperationException($"The base of layer '{LayerName}' is not packed.");

    /// <summary>The weight with the adapter folded in, of the weight's shape.</summary>
    Tensor AdaptedWeight();

    /// <summary>The parameter of this name, as it is now.</summary>
    Parameter GetParameter(string name);
}
