using System.Runtime.Intrinsics;

namespace Marrow.Kernels;

/// <summary>What the entries of a product are added to.</summary>
internal interface IProductStart
{
    /// <summary>Eight of them.</summary>
    /// <param name="row">Their row.</param>
    /// <param name="column">The first one's column, a multiple of 8.</param>
    Vector256<float> At(int row, int column);
}

/// <summary>Nothing.</summary>
internal readonly struct NoStart : IProductStart
{
    public Vector256<float> At(int row, int column) => default;
}

/// <summary>A number for each column.</summary>
/// <param name="bias">[columns].</param>
internal readonly unsafe struct BiasStart(float* bias) : IProductStart
{
    public Vector256<float> At(int row, int column) => Vector256.Load(bias + column);
}

/// <summary>A row's shard, over and over.</summary>
/// <param name="shards">[rows, length].</param>
/// <param name="length">A multiple of 8.</param>
internal readonly unsafe struct TiledStart(float* shards, int length) : IProductStart
{
    public Vector256<float> At(int row, int column) => Vector256.Load(shards + ((long)row * length) + (column % length));
}

/// <summary>Two that are added.</summary>
internal readonly struct SumStart<TFirst, TSecond>(TFirst first, TSecond second) : IProductStart
    where TFirst : struct, IProductStart
    where TSecond : struct, IProductStart
{
    public Vector256<float> At(int row, int column) => first.At(row, column) + second.At(row, column);
}
