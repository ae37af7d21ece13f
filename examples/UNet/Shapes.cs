using static TorchSharp.torch;

namespace Marrow.Examples.UNet;

/// <summary>Noisy pictures with a disc and a square, and which pixel belongs to what.</summary>
internal static class Shapes
{
    /// <summary>Edge of a picture.</summary>
    public const int Edge = 32;

    /// <summary>Background, disc, square.</summary>
    public const int Classes = 3;

    /// <summary>Makes some; the later shape covers the earlier.</summary>
    /// <returns>Pictures [n, 1, edge, edge], float32, and classes [n, edge, edge], int64.</returns>
    public static (Tensor Pictures, Tensor Classes) Generate(int count, int seed)
    {
        var random = new Random(seed);
        var (pictures, classes) = (new float[count, 1, Edge, Edge], new long[count, Edge, Edge]);
        for (var picture = 0; picture < count; picture++)
        {
            var (x, y, size) = (random.Next(6, Edge - 6), random.Next(6, Edge - 6), random.Next(4, 9));
            var (left, top, edge) = (random.Next(Edge - 8), random.Next(Edge - 8), random.Next(8, 17));
            var discIsLast = random.Next(2) == 0;
            for (var row = 0; row < Edge; row++)
            {
                for (var column = 0; column < Edge; column++)
                {
                    var isDisc = ((column - x) * (column - x)) + ((row - y) * (row - y)) <= size * size;
                    var isSquare = row >= top && row < top + edge && column >= left && column < left + edge;
                    var kind = isDisc && (discIsLast || !isSquare) ? 1 : isSquare ? 2 : 0;
                    // Both shapes are equally bright: only their form tells them apart.
                    classes[picture, row, column] = kind;
                    pictures[picture, 0, row, column] = (kind > 0 ? 1 : 0) + (float)(random.NextDouble() - 0.5);
                }
            }
        }

        return (tensor(pictures), tensor(classes));
    }
}
