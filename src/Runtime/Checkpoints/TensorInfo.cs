using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>A tensor as a checkpoint describes it.</summary>
/// <param name="Name">Name in the checkpoint.</param>
/// <param name="Type">Element type as stored.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="ByteCount">Size of the data in bytes.</param>
internal sealed record TensorInfo(string Name, ScalarType Type, IReadOnlyList<long> Shape, long ByteCount)
{
    /// <summary>First byte of the data, counted from the end of the header.</summary>
    internal long Begin { get; init; }
}
