using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>A module whose own tensors can be exchanged, which moving and loading weights need.</summary>
internal interface IComponents
{
    /// <summary>Puts a parameter or a persistent buffer in the place of the one of this name.</summary>
    void Replace(string name, Tensor value);
}
