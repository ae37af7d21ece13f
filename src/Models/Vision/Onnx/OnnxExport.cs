using Marrow.Onnx;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Vision models as graphs of ONNX, which ONNX Runtime and others run.</summary>
public static class OnnxExport
{
    /// <summary>
    /// Writes what the model computes in evaluation as one file of ONNX (operator set 21). Its input
    /// <c>pixel_values</c> is float32 [batch_size, channels, image, image], normalized as for training; its output
    /// <c>logits</c> float32 [batch_size, classes]; the batch may have any size.
    /// <para>
    /// Quantized weights are integers of 4 or 8 bits with a scale for each output, behind DequantizeLinear; 2 and 3
    /// bits are stored in 4. Quantized activations go through QuantizeLinear and DequantizeLinear with the steps and
    /// shifts that were learned, QKR's products too. Adapters that are switched on are part of the weights.
    /// </para>
    /// </summary>
    /// <param name="model">
    /// A <see cref="VisionTransformer"/>, <see cref="DeiT"/> or <see cref="Swin"/>, or a variant of one; trained, or
    /// from <see cref="ExportOperations.LoadExport"/>.
    /// </param>
    /// <param name="path">The file; it keeps its old content if anything fails.</param>
    /// <exception cref="CheckpointException">
    /// The model is another, has a layer or a network that is not known, or quantizers that have seen no batch yet; or
    /// the file cannot be written.
    /// </exception>
    public static void SaveOnnx(this IModel model, string path)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var graph = new OnnxGraph(path);
        RequireKnownNetworks(model, graph);
        var input = new OnnxValue("pixel_values", [-1, .. InputOf(model, graph)]);
        var logits = model switch
        {
            VisionTransformer transformer => transformer.ToOnnx(graph, input),
            DeiT transformer => transformer.ToOnnx(graph, input),
            _ => ((Swin)model).ToOnnx(graph, input),
        };
        graph.Save(model.GetType().Name, input, graph.Named("logits", logits));
    }

    private static long[] InputOf(IModel model, OnnxGraph graph) => model switch
    {
        VisionTransformer transformer => transformer.InputShape,
        DeiT transformer => transformer.InputShape,
        Swin swin => swin.InputShape,
        _ => throw graph.Unknown(
            $"{model.GetType().Name} is neither a {nameof(VisionTransformer)} nor a {nameof(DeiT)} nor a "
                + $"{nameof(Swin)}, and only these have a graph of ONNX",
            "use SavePretrained, or Export for quantized models"),
    };

    /// <summary>A class may derive from a model or block and compute something else.</summary>
    private static void RequireKnownNetworks(IModel model, OnnxGraph graph)
    {
        foreach (var (name, module) in model.Module.named_modules().Prepend(("", model.Module)))
        {
            if (module is IModel && module.GetType().GetMethod("forward", [typeof(Tensor)])?.DeclaringType is { } owner
                && owner.Assembly != typeof(OnnxExport).Assembly)
            {
                throw graph.Unknown(
                    $"{(name.Length == 0 ? "the model" : $"'{name}'")} has a network of its own, that of {owner.Name}",
                    "export a model whose classes only annotate those of Marrow");
            }
        }
    }
}
