using System.Runtime.Intrinsics;
using Marrow.Autograd;
using Marrow.Kernels;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// What every row of blocks does to W, <c>W′[o,i] = W[o,i] (I + B[o]) + B[o]</c>, laid out for tiles: the columns of I + B, and B. In float32,
/// 1 + b loses no more of b than a sum with W would.
/// </summary>
internal readonly unsafe struct BlockPanels
{
    private readonly float* panels;
    private readonly int width;

    private BlockPanels(float* panels, int r, int width)
    {
        this.panels = panels;
        this.width = width;
        BlockSize = r;
    }

    /// <summary>r.</summary>
    public int BlockSize { get; }

    /// <summary>From panel to panel of six lines of r entries.</summary>
    public int LeftNext => (PanelProduct.TileRows * BlockSize) + Lanes.Count;

    /// <summary>From panel to panel of sixteen lines.</summary>
    public int RightNext => PanelProduct.TileColumns * BlockSize;

    /// <summary>Tiles of a block's height; the last one may go past its end.</summary>
    public int Tiles => PanelProduct.Parts(BlockSize, PanelProduct.TileRows);

    private int FactorNext => width == PanelProduct.TileRows ? LeftNext : RightNext;

    private int FactorFloats => PanelProduct.Parts(BlockSize, width) * FactorNext;

    private int StartNext => Tiles * PanelProduct.TileRows * PanelProduct.TileColumns;

    private int Floats => FactorFloats + (BlockSize / PanelProduct.TileColumns * StartNext);

    /// <summary>Lays them out.</summary>
    /// <param name="block">B [out/r, r, r], r a multiple of 16.</param>
    /// <param name="isLeft">Whether columns of I + B are the left side, and W′ᵀ comes out; else they are the right side, and W′ does.</param>
    /// <param name="panels">What the result points into.</param>
    public static BlockPanels Of(Tensor block, bool isLeft, out Tensor panels)
    {
        var (count, r) = (block.size(0), (int)block.size(1));
        var width = isLeft ? PanelProduct.TileRows : PanelProduct.TileColumns;
        panels = empty([count, new BlockPanels(null, r, width).Floats], dtype: ScalarType.Float32);
        using var scope = NewDisposeScope();
        var (lines, turned) = (block.view(count * r, r), (block + eye(r, dtype: ScalarType.Float32)).view(count * r, r));
        var laidOut = new BlockPanels(panels.Floats(), r, width);
        var kernel = new LayOutKernel
        {
            Turned = FloatOperand.Columns(turned),
            Block = isLeft ? FloatOperand.Rows(lines) : FloatOperand.Columns(lines),
            IsLeft = isLeft,
            Panels = laidOut,
        };
        ThreadTeam.Run(ref kernel, (int)count, block.numel());
        MatrixProduct.Keep(lines, turned);
        return laidOut;
    }

    /// <summary>I + B of a row of blocks, from a panel on.</summary>
    public float* Factor(int o, int panel) => panels + ((long)o * Floats) + (panel * FactorNext);

    private float* Start(int o, int panel) => Factor(o, 0) + FactorFloats + (panel * StartNext);

    /// <summary>A panel of a block of W′ or W′ᵀ, r lines of 16.</summary>
    /// <param name="o">The row of blocks.</param>
    /// <param name="panel">Which panel of the block.</param>
    /// <param name="left">Panels of six lines.</param>
    /// <param name="right">A panel of sixteen.</param>
    /// <param name="adapted">Takes it, and up to five lines more, whatever they are.</param>
    /// <param name="ahead">What is wanted next.</param>
    public void Multiply(int o, int panel, float* left, float* right, float* adapted, ref RowsAhead ahead)
    {
        var start = new PanelStart(Start(o, panel));
        for (var tile = 0; tile < Tiles; tile++, left += LeftNext, adapted += PanelProduct.TileRows * PanelProduct.TileColumns)
        {
            ahead.Fetch(PanelProduct.TileRows);
            default(FloatTile).Multiply(left, right, BlockSize, adapted, PanelProduct.TileColumns, tile * PanelProduct.TileRows, column: 0, in start);
        }
    }

    private readonly struct PanelStart(float* lines) : IProductStart
    {
        public Vector256<float> At(int row, int column) => Vector256.Load(lines + (row * PanelProduct.TileColumns) + column);
    }

    private struct LayOutKernel : IRangeKernel
    {
        public FloatOperand Turned, Block;
        public bool IsLeft;
        public BlockPanels Panels;

        public readonly void Run(int first, int end, int part)
        {
            var r = Panels.BlockSize;
            for (var o = first; o < end; o++)
            {
                // Lines that are not there are multiplied too: in what happens to lie in memory there may be slow numbers.
                new Span<float>(Panels.Factor(o, 0), Panels.Floats).Clear();
                Turned.Pack(0, r, o * r, r, Panels.Factor(o, 0), Panels.FactorNext, Panels.width);
                var (line, step) = IsLeft ? (o * r, 0) : (0, o * r);
                Block.Pack(line, r, step, r, Panels.Start(o, 0), Panels.StartNext, PanelProduct.TileColumns);
            }
        }
    }
}
