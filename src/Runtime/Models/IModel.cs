using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// A generated model. What can be done with one beyond running it (merging adapters, loading weights, …) are the
/// extension methods in <see cref="AdapterOperations"/>, <see cref="CheckpointOperations"/>,
/// <see cref="PeftAdapters"/> and <see cref="EagerVerification"/>.
/// </summary>
public interface IModel : IDisposable
{
    /// <summary>The model as TorchSharp sees it.</summary>
    nn.Module Module { get; }

    internal void Specialize(LayerBuilder builder);

    internal void BuildLayers(LayerBuilder builder);

    /// <summary>From now on the model keeps only its inputs for the backward, and runs again there.</summary>
    internal void Recompute();

    /// <summary>Computes the tables again, which a model built on the meta device has only as shapes.</summary>
    internal void FillTables(Device device);
}
