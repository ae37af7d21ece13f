using Marrow.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Quantization.Layers;

/// <summary>
/// The quantizer of activations, with steps that a layer owns and that the first inputs give their values.
/// </summary>
/// <param name="parameter">Finds the layer's parameters, which moving it replaces.</param>
/// <param name="step">Name of the steps.</param>
/// <param name="range">The levels.</param>
/// <param name="sharing">Which elements share a step.</param>
internal sealed class ActivationQuantizer(
    Func<string, Parameter> parameter, string step, LevelRange range, ScaleGranularity sharing)
{
    private bool hasStep;

    /// <summary>The levels.</summary>
    public LevelRange Range => range;

    /// <summary>The steps.</summary>
    public Tensor Step => parameter(step);

    /// <summary>x̂, differentiable.</summary>
    public Tensor Run(Tensor x, Tensor? before = null, Tensor? after = null)
    {
        Prepare(() => QuantizerMethods.Activations.InitialStep(
            x, before, range, sharing, constant: range.Low == 0 ? 4 : 2));
        return QuantizerMethods.Activations.Quantize(x, Step, range, sharing, before, after);
    }

    /// <summary>x̂ of attention weights, <c>softmax(logits + bias)</c>, with a step for each query.</summary>
    /// <param name="logits">[B, heads, N, N].</param>
    /// <param name="bias">[1 or B, heads, N, N], or null.</param>
    public Tensor Softmax(Tensor logits, Tensor? bias)
    {
        Prepare(() => QuantizerMethods.Activations.InitialStep(
            nn.functional.softmax(bias is null ? logits : logits + bias, -1), null, range, sharing, constant: 4));
        return QuantizerMethods.Activations.QuantizeSoftmax(logits, bias, Step, range);
    }

    private void Prepare(Func<Tensor> initial)
    {
        if (!hasStep)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            hasStep = ScaleInitialization.Apply(Step, initial);
        }
    }

    /// <summary>x̂ in a graph.</summary>
    public OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x, string name) =>
        graph.Quantize(x, $"{name}.step", Step, range, sharing);

    /// <summary>x̂ in a graph, with shifts.</summary>
    public OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x, string name, Tensor before, Tensor after) =>
        graph.Quantize(x, name, Step, range, sharing, before, after);
}
