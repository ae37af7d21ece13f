using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>
/// Shifted windows (Swin, arXiv 2103.14030): the map is padded with zeros at the bottom and right to whole windows,
/// rolled back by the shift, cut; attention runs in each window with a bias for each relative position, and −100
/// between positions that only the roll has made neighbors; then all is undone. A direction that one window covers is
/// not shifted.
/// </summary>
internal sealed class AttentionWindows(long window, long shift)
{
    /// <summary>Runs attention in windows.</summary>
    /// <param name="x">[B, height, width, dim].</param>
    /// <param name="table">Biases of relative positions, [(2 window − 1)², heads].</param>
    /// <param name="attend">Attention among the positions of a window, given its bias.</param>
    /// <returns>As x.</returns>
    public Tensor Run(Tensor x, Tensor table, Func<Tensor, Tensor?, Tensor> attend)
    {
        var (batch, height, width, dim) = (x.size(0), x.size(1), x.size(2), x.size(3));
        var (bottom, right) = (Missing(height), Missing(width));
        if (bottom + right > 0)
        {
            x = nn.functional.pad(x, [0, 0, 0, right, 0, bottom]);
        }

        var (rows, columns) = ((height + bottom) / window, (width + right) / window);
        var (down, across) = (rows > 1 ? shift : 0, columns > 1 ? shift : 0);
        if (down + across > 0)
        {
            x = x.roll([-down, -across], [1, 2]);
        }

        // [B, rows, columns, window, window, dim] as [B · windows, window², dim]
        var cut = x.view(batch, rows, window, columns, window, dim).transpose(2, 3).reshape(
            batch * rows * columns, window * window, dim);
        var bias = Biases(table);
        if (down + across > 0)
        {
            // [windows, 1, window², window²]
            var mask = Mask(rows, columns, down, across, x.dtype, x.device).unsqueeze(1);
            bias = (bias.unsqueeze(0) + mask).repeat(batch, 1, 1, 1);
        }
        else
        {
            bias = bias.unsqueeze(0);
        }

        x = attend(cut, bias).view(batch, rows, columns, window, window, dim).transpose(2, 3)
            .reshape(batch, rows * window, columns * window, dim);
        if (down + across > 0)
        {
            x = x.roll([down, across], [1, 2]);
        }

        return bottom + right > 0 ? x.narrow(1, 0, height).narrow(2, 0, width) : x;
    }

    /// <summary>The bias of each pair of positions, [heads, window², window²].</summary>
    private Tensor Biases(Tensor table)
    {
        var line = arange(window, device: table.device);
        var row = line.repeat_interleave(window);
        var column = line.repeat(window);
        // Row (row_p − row_q + w − 1)(2w − 1) + (col_p − col_q + w − 1) of the table belongs to the pair (p, q).
        var index = ((row.unsqueeze(1) - row.unsqueeze(0) + window - 1) * ((2 * window) - 1))
            + (column.unsqueeze(1) - column.unsqueeze(0) + window - 1);
        return table.index_select(0, index.flatten()).view(window * window, window * window, table.size(1)).permute(
            2, 0, 1);
    }

    /// <summary>−100 between positions of different regions of the rolled map, [windows, window², window²].</summary>
    private Tensor Mask(long rows, long columns, long down, long across, ScalarType dtype, Device device)
    {
        var regions = (Regions(rows, down, device).unsqueeze(1) * 3) + Regions(columns, across, device).unsqueeze(0);
        var cut = regions.view(rows, window, columns, window).transpose(1, 2).reshape(rows * columns, window * window);
        return cut.unsqueeze(1).not_equal(cut.unsqueeze(2)).to(dtype).mul_(-100);
    }

    /// <summary>
    /// The regions along one direction: all but the last window, what stays of that, what was rolled in.
    /// </summary>
    private Tensor Regions(long count, long by, Device device)
    {
        var size = count * window;
        var place = arange(size, device: device);
        return place.greater_equal(size - window).to(ScalarType.Int64)
            + place.greater_equal(size - by).to(ScalarType.Int64);
    }

    private long Missing(long size) => (window - (size % window)) % window;
}
