using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Examples.UNet;

/// <summary>Two convolutions, each normalized.</summary>
/// <param name="inputs">Channels in.</param>
/// <param name="outputs">Channels out.</param>
[Model]
public partial class ConvPair(int inputs, int outputs)
{
    /// <summary>The first.</summary>
    [Conv2d(nameof(inputs), nameof(outputs), 3, Padding = 1, Bias = false)] public partial Conv2d Conv1 { get; }

    /// <summary>Its norm.</summary>
    [BatchNorm2d(nameof(outputs))] public partial BatchNorm2d Norm1 { get; }

    /// <summary>The second.</summary>
    [Conv2d(nameof(outputs), nameof(outputs), 3, Padding = 1, Bias = false)] public partial Conv2d Conv2 { get; }

    /// <summary>Its norm.</summary>
    [BatchNorm2d(nameof(outputs))] public partial BatchNorm2d Norm2 { get; }

    /// <summary>[n, inputs, h, w] to [n, outputs, h, w].</summary>
    [Forward]
    private Tensor Network(Tensor x) => relu(Norm2.call(Conv2.call(relu(Norm1.call(Conv1.call(x))))));
}

/// <summary>
/// U-Net (arXiv 1505.04597): down to a coarse picture, and up again beside what was seen on the way down.
/// </summary>
/// <param name="channels">Channels of the picture.</param>
/// <param name="width">Channels at the top; each level below has twice as many.</param>
/// <param name="levels">Levels below the top; the picture's edges divide by 2 to the power of this.</param>
/// <param name="classes">Classes of a pixel.</param>
[Model]
public partial class UNet(int channels, int width, int levels, int classes)
{
    /// <summary>The top.</summary>
    [Block(nameof(channels), nameof(width))] public partial ConvPair Top { get; }

    /// <summary>Halves the edges.</summary>
    [MaxPool2d(2)] public partial MaxPool2d Pool { get; }

    /// <summary>The levels below, downward.</summary>
    [Block("width << index", "width << (index + 1)", Count = nameof(levels))]
    public partial ModuleList<ConvPair> Down { get; }

    /// <summary>Doubles the edges; the copy of a number leads to the level of that number, 0 being the top.</summary>
    [ConvTranspose2d("width << (index + 1)", "width << index", 2, Stride = 2, Count = nameof(levels))]
    public partial ModuleList<ConvTranspose2d> Grow { get; }

    /// <summary>The levels on the way up, numbered likewise.</summary>
    [Block("width << (index + 1)", "width << index", Count = nameof(levels))]
    public partial ModuleList<ConvPair> Up { get; }

    /// <summary>A class for each pixel.</summary>
    [Conv2d(nameof(width), nameof(classes), 1)] public partial Conv2d Last { get; }

    /// <summary>Pictures [n, channels, h, w] to logits [n, classes, h, w].</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        var seen = new List<Tensor> { Top.call(x) };
        foreach (var level in Down)
        {
            seen.Add(level.call(Pool.call(seen[^1])));
        }

        x = seen[^1];
        for (var level = levels - 1; level >= 0; level--)
        {
            x = Up[level].call(cat([seen[level], Grow[level].call(x)], 1));
        }

        return Last.call(x);
    }
}
