using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// A generated model. What can be done with one beyond running it (merging adapters, loading weights, …) are the
/// extension methods of <see cref="ModelOperations"/>.
/// </summary>
public interface IModel
{
    /// <summary>The model as TorchSharp sees it.</summary>
    nn.Module Module { get; }

    internal void Specialise(LayerBuilder builder);

    internal void BuildLayers(LayerBuilder builder);

    internal Parameter? FindParameter(string name);

    /// <summary>Computes the tables again, which a model built on the meta device has only as shapes.</summary>
    internal void FillTables(Device device);
}
