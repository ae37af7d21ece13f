using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>Halves a map: four neighbors become one vector, and that one of twice the width.</summary>
/// <param name="dim">Width of the input.</param>
[Model]
public partial class PatchMerging(int dim)
{
    /// <summary>The norm over four neighbors.</summary>
    [LayerNorm("4 * dim")]
    public partial LayerNorm Norm { get; }

    /// <summary>To twice the width.</summary>
    [Linear("4 * dim", "2 * dim", Bias = false)]
    public partial Linear Reduction { get; }

    /// <summary>x [batch, height, width, dim] to [batch, height / 2, width / 2, 2 dim], sizes rounded up.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        var (batch, height, width) = (x.shape[0], x.shape[1], x.shape[2]);
        if ((height | width) % 2 == 1)
        {
            x = pad(x, [0, 0, 0, width % 2, 0, height % 2]);
        }

        // Neighbors in the order (0, 0), (1, 0), (0, 1), (1, 1) of row and column.
        var merged = x.view(batch, (height + 1) / 2, 2, (width + 1) / 2, 2, dim)
            .permute(0, 1, 3, 4, 2, 5).flatten(3);
        return Reduction.call(Norm.call(merged));
    }
}
