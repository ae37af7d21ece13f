using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>Tensors that belong to a layer and stand in no table of it.</summary>
internal interface ICompanion : IDisposable
{
    /// <summary>Moves along with the layer; null keeps the type or the device.</summary>
    void Move(ScalarType? type, Device? target);
}
