namespace Marrow.Onnx;

/// <summary>A tensor of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its sizes; the first may be −1, the batch or a multiple of it.</param>
internal sealed record OnnxValue(string Name, long[] Shape)
{
    /// <summary>Number of dimensions.</summary>
    public int Rank => Shape.Length;
}
