using Marrow.Models;
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

    /// <summary>What the model has beside it.</summary>
    internal ModelState State { get; }

    /// <summary>Runs the model on as many inputs as it takes.</summary>
    internal object? Call(object?[] inputs);

    internal void Specialize(LayerBuilder builder);

    internal void BuildLayers(LayerBuilder builder);

    internal void MapCheckpoint(CheckpointMap map);
}
