using System.Runtime.Intrinsics;
using Marrow.Kernels.Threading;
using Marrow.Kernels.Vectors;

namespace Marrow.Kernels.PackedGemv;

/// <summary>Packed codes as int8 levels, <c>Lowest + Factor · code</c>.</summary>
internal unsafe struct UnpackKernel : IRangeKernel
{
    public PackedLayout Packed;
    public sbyte* Levels;
    public int Factor, Lowest;

    public readonly void Run(int first, int end, int part)
    {
        var mask = (1 << Packed.Bits) - 1;
        for (var row = first; row < end; row++)
        {
            var levels = Levels + ((long)row * Packed.Columns);
            for (var word = 0; word < Packed.RowWords; word += Lanes.Count)
            {
                // Half a block: eight of the sixteen adjacent columns that are one shift apart.
                var words = Vector256.Load(Packed.Words + ((long)row * Packed.RowWords) + word);
                var start = (word / PackedLayout.BlockWords * PackedLayout.BlockWords * Packed.PerWord)
                    + (word % PackedLayout.BlockWords);
                for (var place = 0; place < Packed.PerWord; place++)
                {
                    var column = start + (place * PackedLayout.BlockWords);
                    if (column >= Packed.Columns)
                    {
                        break;
                    }

                    var codes = Vector256.ShiftRightLogical(words, Packed.Bits * place) & Vector256.Create(mask);
                    var p = Vector256.ConvertToSingle((codes * Factor) + Vector256.Create(Lowest));
                    if (column + Lanes.Count <= Packed.Columns)
                    {
                        Lanes.Store(p, levels + column);
                        continue;
                    }

                    for (var lane = 0; column + lane < Packed.Columns; lane++)
                    {
                        levels[column + lane] = (sbyte)p[lane];
                    }
                }
            }
        }
    }
}
