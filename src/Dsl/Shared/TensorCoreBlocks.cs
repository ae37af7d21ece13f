namespace Marrow.Shared;

/// <summary>Blocks of Bone's row form that CUDA kernels take, in 16 bits.</summary>
internal static class TensorCoreBlocks
{
    /// <summary>Their edges.</summary>
    public static readonly long[] Edges = [16, 32, 48, 64, 80, 96, 128];
}
