using TorchSharp.Modules;

namespace Marrow.Layers;

/// <summary>A module whose own parameters can be exchanged, which moving and loading weights need.</summary>
internal interface IComponents
{
    /// <summary>Puts a parameter in the place of the one of this name.</summary>
    void Replace(string name, Parameter parameter);
}
