using System.ComponentModel;
using Marrow.Autograd;
using Marrow.Kernels.PackedGemv;
using Marrow.Onnx;
using Marrow.Quantization;
using Marrow.Quantization.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A linear layer with quantized weights, and quantized activations if the settings say so:
/// <c>y = (LSQ(x + before) + after) Ŵᵀ + b</c> (arXiv 2302.02210). The emitted classes derive from it and state the
/// fused forward and its backward. Parameters have the names of the OFQ paper's checkpoints.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public abstract class QuantizedLinear : Linear, IExplicitLayer, IQuantizedLayer
{
    private const string StepName = "input_quant_fn.s", WeightStepName = "lsqw_fn.s";
    private const string BeforeName = "move_b4.bias", AfterName = "move_aft.bias";
    private readonly long tokens;
    private readonly bool isUnsigned;
    private bool hasSteps;
    private PackedWeight? packed;
    private WeightSums? sums;

    /// <summary>Makes the layer. Steps are zero until the first input gives them their values.</summary>
    protected QuantizedLinear(LinearSite site, QuantizerSettings settings)
        : base(site)
    {
        Settings = settings.Checked();
        Frozen = new FrozenCodes(Settings.Method.IsOdd);
        (tokens, isUnsigned) = (site.Tokens ?? 1, site.PositiveInput);
        if (Settings.Method.Steps is not null)
        {
            AddQuantizer(WeightStepName, OutFeatures, site.Dtype, site.Device);
        }

        if (Settings.Activations > 0)
        {
            Range = isUnsigned ? LevelRange.Unsigned(Settings.Activations) : LevelRange.Signed(Settings.Activations);
            AddQuantizer(StepName, tokens, site.Dtype, site.Device);
            AddQuantizer(BeforeName, InFeatures, site.Dtype, site.Device);
            AddQuantizer(AfterName, InFeatures, site.Dtype, site.Device);
        }
    }

    /// <inheritdoc/>
    public QuantizerSettings Settings { get; }

    /// <summary>What iterative freezing holds in place.</summary>
    protected FrozenCodes Frozen { get; }

    /// <summary>The levels of the activations.</summary>
    protected LevelRange Range { get; }

    /// <summary>The levels of weights that have steps.</summary>
    protected LevelRange WeightRange => LevelRange.Signed(Settings.Bits);

    /// <summary>S, one per position, or a single one.</summary>
    protected Tensor Step => GetParameter(StepName);

    /// <summary>Added to x before quantization, [in].</summary>
    protected Tensor Before => GetParameter(BeforeName);

    /// <summary>Added after it, [in].</summary>
    protected Tensor After => GetParameter(AfterName);

    /// <summary>The steps of weights that have them, [out].</summary>
    protected Tensor WeightStep => GetParameter(WeightStepName);

    IEnumerable<QuantizedWeight> IQuantizedLayer.QuantizedWeights => packed is null ? [QuantizedWeight] : [];

    internal override IReadOnlyList<string> LatentParameters =>
        Settings.Method.Steps is not null ? ["weight", WeightStepName] : ["weight"];

    internal override void UsePacked(IReadOnlyDictionary<string, PackedWeight> weights)
    {
        Remove(LatentParameters);
        packed = Take(weights[$"{LayerName}.weight"], "weight");
    }

    private QuantizedWeight QuantizedWeight => new(
        $"{LayerName}.weight",
        Settings,
        (OutFeatures, InFeatures),
        () => Weight.alias(),
        Weight,
        Settings.Method.Steps is not null ? WeightStep : null,
        Frozen);

    ScalarType IExplicitLayer.Dtype => Weight.dtype;

    IReadOnlyList<Parameter> IExplicitLayer.Trainable
    {
        get
        {
            List<Parameter> parameters = [Weight];
            foreach (var name in new[] { "bias", WeightStepName, StepName, BeforeName, AfterName })
            {
                if (_internal_params.TryGetValue(name, out var parameter))
                {
                    parameters.Add(parameter);
                }
            }

            return parameters;
        }
    }

    IReadOnlyList<Parameter> IExplicitLayer.Frozen => [];

    /// <summary>x [..., in] to y [..., out]. With one step per token, x is [..., tokens, in].</summary>
    /// <exception cref="ArgumentException">x has another number of tokens.</exception>
    /// <exception cref="ArithmeticException">On the CPU: x holds NaN.</exception>
    public sealed override Tensor forward(Tensor x)
    {
        if (Settings.Activations > 0 && tokens > 1 && (x.dim() < 2 || x.size(-2) != tokens))
        {
            throw new ArgumentException(
                $"Layer '{LayerName}' has a quantizer step for each of {tokens} tokens; the input is "
                + $"[{string.Join(", ", x.shape)}].",
                nameof(x));
        }

        if (packed is { } weight)
        {
            return Infer(x, weight);
        }

        Prepare(x);
        try
        {
            return EagerMode.IsOn ? Eager(x) : LayerFunction.Run(this, x);
        }
        catch (ArithmeticException fault)
        {
            throw new ArithmeticException($"Layer '{LayerName}': {fault.Message}", fault);
        }
    }

    internal override OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x) => base.ToOnnx(
        graph,
        Settings.Activations == 0
            ? x
            : graph.Quantize(x, $"{LayerName}.input", Step, Range, Sharing, Before, After));

    private protected override OnnxValue WeightToOnnx(OnnxGraph graph)
    {
        using var scope = NewDisposeScope();
        return graph.Weight($"{LayerName}.weight", packed ?? QuantizedWeight.Pack());
    }

    Tensor IExplicitLayer.Forward(Saved saved, Tensor x) => Forward(saved, x);

    /// <summary>A layer without a bias has no gradient of one, which the emitted classes hand on as null.</summary>
    Gradients IExplicitLayer.Backward(Saved saved, Tensor dy)
    {
        var gradients = Backward(saved, dy);
        return Bias is null ? new(gradients.Input, [gradients.Parameters[0], .. gradients.Parameters[2..]]) : gradients;
    }

    /// <summary>y by the plain formula, in ordinary differentiable operations.</summary>
    /// <param name="x">[..., in].</param>
    protected abstract Tensor Plain(Tensor x);

    /// <summary>The fused forward, outside autograd.</summary>
    /// <param name="saved">Keeps what the backward needs.</param>
    /// <param name="x">[n, in].</param>
    /// <returns>y [n, out].</returns>
    protected abstract Tensor Forward(Saved saved, Tensor x);

    /// <summary>
    /// The gradients of weight, bias (null if there is none), and the quantizers' parameters. Temporaries are freed by
    /// the caller.
    /// </summary>
    /// <param name="saved">What the forward kept.</param>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    protected abstract Gradients Backward(Saved saved, Tensor dy);

    /// <summary>The gradients of x, its step and its shifts, from that of x̂.</summary>
    /// <param name="g">Gradient of x̂, [n, in].</param>
    /// <param name="x">[n, in].</param>
    protected StepGradients ActivationGradients(Tensor g, Tensor x)
    {
        var gradients = QuantizerMethods.Activations.Gradients(
            g.view(ByToken(g)), x.view(ByToken(x)), Step, Range, Sharing, Before, hasAfter: true);
        return gradients with { Input = gradients.Input.view(x.shape) };
    }

    /// <summary>The gradients of W and its steps, from that of Ŵ, where W has steps.</summary>
    /// <param name="dWeight">Gradient of Ŵ, [out, in].</param>
    protected StepGradients WeightGradients(Tensor dWeight) =>
        Settings.Method.Steps!.Gradients(
            dWeight.contiguous(), Weight, WeightStep, WeightRange, ScaleGranularity.Row, before: null, hasAfter: false);

    /// <summary>The codes of x from what the forward kept.</summary>
    protected ActivationLevels SavedInput(Tensor codes) => new(codes, Range.Offset);

    /// <summary>The codes of Ŵ from what the forward kept.</summary>
    protected WeightLevels SavedWeight(Tensor codes, Tensor scale) =>
        new(codes, scale, IsHalved: Settings is { Method.IsOdd: true, Bits: 8 });

    /// <summary>Gradient of the bias, [out]; null if there is none.</summary>
    protected Tensor? BiasGradient(Tensor dy) => Bias is null ? null : Autograd.BiasGradient.Of(dy);

    /// <summary>Ŵ with the entries that are frozen at their level.</summary>
    protected Tensor WithFrozen(Tensor weight) =>
        Frozen is { Mask: { } mask, Levels: not null } ? where(mask, QuantizedWeight.Quantized(), weight) : weight;

    private ScaleGranularity Sharing => tokens > 1 ? ScaleGranularity.Position : ScaleGranularity.Tensor;

    private long[] ByToken(Tensor rows) => [rows.size(0) / tokens, tokens, rows.size(1)];

    /// <summary>Gives steps that are still zero the values that the first input asks for.</summary>
    private void Prepare(Tensor x)
    {
        if (hasSteps || Weight.device_type == TorchSharp.DeviceType.META)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        hasSteps = true;
        if (Settings.Method.Steps is { } steps)
        {
            hasSteps = ScaleInitialization.Apply(
                WeightStep, () => steps.InitialStep(Weight, null, WeightRange, ScaleGranularity.Row, constant: 2));
        }

        if (Settings.Activations > 0)
        {
            hasSteps &= ScaleInitialization.Apply(Step, () => QuantizerMethods.Activations.InitialStep(
                x, Before, Range, Sharing, constant: isUnsigned && tokens > 1 ? 4 : 2));
        }
    }

    /// <summary>What the fused forward computes, from packed weights; no gradient.</summary>
    private Tensor Infer(Tensor x, PackedWeight weight)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = x.reshape(x.numel() / InFeatures, InFeatures).contiguous();
        Tensor y;
        if (Settings.Activations == 0)
        {
            y = nn.functional.linear(rows, weight.Dequantize(rows.dtype), Bias);
        }
        else
        {
            var q = ActivationLevels.Of(rows, Step, Before, Range);
            if (q.RowSteps is null && rows.dtype == ScalarType.Float32
                && PackedKernels.SupportsIntegers(weight.Codes, rows.size(0)))
            {
                sums ??= IntegerProduct.Sums(weight.Unpack(), After, Bias, q.Offset != 0).Detached();
                y = IntegerProduct.Linear(q, weight, Step, sums);
            }
            else
            {
                y = IntegerProduct.Linear(q, weight.Unpack(), Step, After, Bias);
            }
        }

        return scope.MoveToOuter(y.view([.. x.shape[..^1], OutFeatures]));
    }

    private Tensor Eager(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Plain(x));
    }
}
