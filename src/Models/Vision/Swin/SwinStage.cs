using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>A stage of <see cref="Swin"/>: blocks of one width, every second one with shifted windows.</summary>
/// <param name="dim">Width of the stream.</param>
/// <param name="depth">Number of blocks.</param>
/// <param name="heads">Heads of attention.</param>
/// <param name="window">Edge of a window.</param>
/// <param name="mlpRatio">Width inside the MLPs over <paramref name="dim"/>.</param>
/// <param name="width">Columns of the map.</param>
[Model]
public partial class SwinStage(int dim, int depth, int heads, int window, int mlpRatio, int width)
{
    /// <summary>The blocks.</summary>
    [Block(
        nameof(dim), nameof(heads), nameof(window), "index % 2 == 0 ? 0 : window / 2", "dim * mlpRatio", nameof(width),
        Count = nameof(depth))]
    public partial ModuleList<SwinBlock> Blocks { get; }

    /// <summary>x [batch, height, width, dim] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        return x;
    }
}

/// <summary>A stage that first halves the map.</summary>
/// <param name="dim">Width of the stream inside the stage, twice that before it.</param>
/// <param name="depth">Number of blocks.</param>
/// <param name="heads">Heads of attention.</param>
/// <param name="window">Edge of a window.</param>
/// <param name="mlpRatio">Width inside the MLPs over <paramref name="dim"/>.</param>
/// <param name="width">Columns of the halved map.</param>
[Model]
public partial class SwinMergingStage(int dim, int depth, int heads, int window, int mlpRatio, int width)
{
    /// <summary>Halves the map.</summary>
    [Block("dim / 2")]
    public partial PatchMerging Downsample { get; }

    /// <summary>The blocks.</summary>
    [Block(
        nameof(dim), nameof(heads), nameof(window), "index % 2 == 0 ? 0 : window / 2", "dim * mlpRatio", nameof(width),
        Count = nameof(depth))]
    public partial ModuleList<SwinBlock> Blocks { get; }

    /// <summary>x [batch, height, width, dim / 2] to [batch, height / 2, width / 2, dim].</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        x = Downsample.call(x);
        foreach (var block in Blocks)
        {
            x = block.call(x);
        }

        return x;
    }
}
