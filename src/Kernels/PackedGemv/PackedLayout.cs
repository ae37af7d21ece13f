using Marrow.Kernels.Memory;

namespace Marrow.Kernels.PackedGemv;

/// <summary>The memory of <see cref="PackedCodes"/>.</summary>
internal readonly unsafe struct PackedLayout(PackedCodes weight)
{
    /// <summary>Words of a block: sixteen adjacent columns are one shift apart.</summary>
    public const int BlockWords = 16;

    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 4 * BlockWords;

    /// <summary>How far ahead of their use words are prefetched: a kilobyte.</summary>
    public const int PrefetchWords = 256;

    public readonly int* Words = weight.Words.Integers();
    public readonly int RowWords = (int)weight.Words.size(1), Columns = (int)weight.Columns, Bits = weight.Bits;

    /// <summary>Codes in a word.</summary>
    public int PerWord => 32 / Bits;

    /// <summary>Columns of a row, the last block filled up.</summary>
    public int PaddedColumns => RowWords * PerWord;
}
