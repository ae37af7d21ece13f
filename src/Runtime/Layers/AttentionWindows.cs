using Marrow.Onnx;
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
        var (bottom, right, rows, columns, down, across) = Cut(height, width);
        if (bottom + right > 0)
        {
            x = nn.functional.pad(x, [0, 0, 0, right, 0, bottom]);
        }

        if (down + across > 0)
        {
            x = x.roll([-down, -across], [1, 2]);
        }

        // [B, rows, columns, window, window, dim] as [B · windows, window², dim]
        var cut = x.view(batch, rows, window, columns, window, dim).transpose(2, 3).reshape(
            batch * rows * columns, window * window, dim);
        var bias = Biases(table, rows, columns, down, across);
        if (bias.size(0) > 1)
        {
            bias = bias.repeat(batch, 1, 1, 1);
        }

        x = attend(cut, bias).view(batch, rows, columns, window, window, dim).transpose(2, 3)
            .reshape(batch, rows * window, columns * window, dim);
        if (down + across > 0)
        {
            x = x.roll([down, across], [1, 2]);
        }

        return bottom + right > 0 ? x.narrow(1, 0, height).narrow(2, 0, width) : x;
    }

    /// <summary>The same in a graph, whose bias is [1 or windows, heads, window², window²].</summary>
    public OnnxValue ToOnnx(
        OnnxValue x, Tensor table, OnnxGraph graph, Func<OnnxGraph, OnnxValue, Tensor?, OnnxValue> attend)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (height, width, dim) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        var (bottom, right, rows, columns, down, across) = Cut(height, width);
        x = graph.Pad(x, 0, bottom, right, 0);
        x = graph.RollBack(graph.RollBack(x, 1, down), 2, across);
        x = graph.Transpose(graph.Reshape(x, -1, rows, window, columns, window, dim), 0, 1, 3, 2, 4, 5);
        x = attend(
            graph, graph.Reshape(x, -1, window * window, dim), Biases(table, rows, columns, down, across));
        x = graph.Transpose(graph.Reshape(x, -1, rows, columns, window, window, dim), 0, 1, 3, 2, 4, 5);
        x = graph.Reshape(x, -1, rows * window, columns * window, dim);
        x = graph.RollBack(graph.RollBack(x, 1, down == 0 ? 0 : (rows * window) - down), 2,
            across == 0 ? 0 : (columns * window) - across);
        return bottom + right == 0 ? x : graph.Slice(graph.Slice(x, 1, 0, height), 2, 0, width);
    }

    /// <summary>
    /// What is missing at bottom and right, how many windows there are then, and by how much they shift.
    /// </summary>
    private (long Bottom, long Right, long Rows, long Columns, long Down, long Across) Cut(long height, long width)
    {
        var (bottom, right) = (Missing(height), Missing(width));
        var (rows, columns) = ((height + bottom) / window, (width + right) / window);
        return (bottom, right, rows, columns, rows > 1 ? shift : 0, columns > 1 ? shift : 0);
    }

    /// <summary>
    /// What is added to the products of queries and keys: [1, heads, window², window²], or with shifts
    /// [windows, heads, window², window²].
    /// </summary>
    private Tensor Biases(Tensor table, long rows, long columns, long down, long across)
    {
        var bias = Biases(table).unsqueeze(0);
        return down + across > 0
            ? bias + Mask(rows, columns, down, across, table.dtype, table.device).unsqueeze(1)
            : bias;
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
