using Marrow.Onnx;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>The networks of <see cref="VisionTransformer"/> and <see cref="DeiT"/> in ONNX.</summary>
internal static class TransformerGraph
{
    /// <summary>Images to logits.</summary>
    public static OnnxValue ToOnnx(this VisionTransformer model, OnnxGraph graph, OnnxValue x)
    {
        (string, Tensor)[] tokens = [("cls_token", model.ClsToken)];
        tokens = model.DistToken is { } token ? [.. tokens, ("dist_token", token)] : tokens;
        x = Stream(graph, x, model.PatchEmbed, model.Blocks, model.Norm, model.PosEmbed, tokens);
        return model.Head.ToOnnx(graph, graph.Select(x, 1, 0));
    }

    /// <summary>Images to the mean of both heads' logits.</summary>
    public static OnnxValue ToOnnx(this DeiT model, OnnxGraph graph, OnnxValue x)
    {
        x = Stream(
            graph,
            x,
            model.PatchEmbed,
            model.Blocks,
            model.Norm,
            model.PosEmbed,
            ("cls_token", model.ClsToken),
            ("dist_token", model.DistToken));
        var byClass = model.Head.ToOnnx(graph, graph.Select(x, 1, 0));
        var byTeacher = model.HeadDist.ToOnnx(graph, graph.Select(x, 1, 1));
        return graph.Scale(graph.Add(byClass, byTeacher), 0.5);
    }

    /// <summary>x [..., tokens, dim] to the same shape.</summary>
    public static OnnxValue ToOnnx(this VisionMlp mlp, OnnxGraph graph, OnnxValue x) =>
        mlp.Fc2.ToOnnx(graph, graph.Gelu(mlp.Fc1.ToOnnx(graph, x)));

    /// <summary>Images to the last states, [batch, tokens, dim].</summary>
    private static OnnxValue Stream(
        OnnxGraph graph,
        OnnxValue x,
        PatchEmbedding embedding,
        ModuleList<VisionBlock> blocks,
        LayerNorm norm,
        Tensor positions,
        params (string Name, Tensor Value)[] tokens)
    {
        var patches = embedding.Proj.ToOnnx(graph, x); // [batch, dim, height, width]
        patches = graph.Transpose(
            graph.Reshape(patches, -1, patches.Shape[1], patches.Shape[2] * patches.Shape[3]), 0, 2, 1);
        var batch = graph.Node("Shape", [1], [x], ("start", 0L), ("end", 1L));
        var before = tokens.Select(token => graph.Node(
            "Expand",
            [-1, 1, token.Value.size(2)],
            [
                graph.Constant(token.Name, token.Value),
                graph.Concat(0, batch, graph.Indices(1, token.Value.size(2))),
            ]));
        x = graph.Add(graph.Concat(1, [.. before, patches]), graph.Constant("pos_embed", positions));
        foreach (var block in blocks)
        {
            x = graph.Add(x, block.Attn.ToOnnx(graph, block.Norm1.ToOnnx(graph, x)));
            x = graph.Add(x, block.Mlp.ToOnnx(graph, block.Norm2.ToOnnx(graph, x)));
        }

        return norm.ToOnnx(graph, x);
    }
}
