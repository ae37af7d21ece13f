using Marrow.Onnx;

namespace Marrow.Models;

/// <summary>The network of <see cref="Swin"/> in ONNX.</summary>
internal static class SwinGraph
{
    /// <summary>Images to logits.</summary>
    public static OnnxValue ToOnnx(this Swin model, OnnxGraph graph, OnnxValue x)
    {
        x = graph.Transpose(model.PatchEmbed.Proj.ToOnnx(graph, x), 0, 2, 3, 1); // [batch, height, width, dim]
        x = Blocks(graph, model.PatchEmbed.Norm.ToOnnx(graph, x), model.Stage0.Blocks);
        foreach (var stage in new[] { model.Stage1, model.Stage2, model.Stage3 })
        {
            x = Blocks(graph, Merged(graph, x, stage.Downsample), stage.Blocks);
        }

        return model.Head.ToOnnx(graph, graph.Mean(model.Norm.ToOnnx(graph, x), 1, 2));
    }

    private static OnnxValue Blocks(OnnxGraph graph, OnnxValue x, ModuleList<SwinBlock> blocks)
    {
        foreach (var block in blocks)
        {
            x = graph.Add(x, block.Attn.ToOnnx(graph, block.Norm1.ToOnnx(graph, x)));
            x = graph.Add(x, block.Mlp.ToOnnx(graph, block.Norm2.ToOnnx(graph, x)));
        }

        return x;
    }

    /// <summary>x [batch, height, width, dim] to [batch, height / 2, width / 2, 2 dim], sizes rounded up.</summary>
    private static OnnxValue Merged(OnnxGraph graph, OnnxValue x, PatchMerging merging)
    {
        var (height, width, dim) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        x = graph.Pad(x, 0, height % 2, width % 2, 0);
        (height, width) = ((height + 1) / 2, (width + 1) / 2);
        x = graph.Transpose(graph.Reshape(x, -1, height, 2, width, 2, dim), 0, 1, 3, 4, 2, 5);
        x = graph.Reshape(x, -1, height, width, 4 * dim);
        return merging.Reduction.ToOnnx(graph, merging.Norm.ToOnnx(graph, x));
    }
}
