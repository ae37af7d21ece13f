using System.ComponentModel;
using Marrow.Cuda;
using Marrow.Onnx;
using Marrow.Quantization;
using Marrow.Quantization.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A convolution as the first layer of a quantized model has it (arXiv 2302.02210): weights by LSQ with a step for each
/// output channel, input by LSQ with a step for each channel, and a shift for each pixel before and after, shared by
/// the channels. Input levels are unsigned until a negative input is seen. On a device, which must not be waited for,
/// the CPU looks while steps get their values; then both ranges are computed, and what was seen chooses there.
/// </summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed class LsqConv2d : Conv2d, IQuantizedLayer
{
    private const string StepName =
        "input_quant_fn.s", BeforeName = "move_b4.bias", AfterName = "move_aft.bias", WeightStepName = "lsqw_fn.s";

    // Rounding may leave an input a little below zero that is meant to be positive.
    private const double LeastPositive = -1e-5;
    private readonly bool hasShifts;
    private bool hasSteps, isSigned;
    private Tensor? hasNegatives; // on the device, where the CPU has not looked
    private PackedWeight? packed;

    /// <summary>Makes the layer. Steps are zero until the first input gives them their values.</summary>
    public LsqConv2d(Conv2dSite site, int bits, int activations)
        : base(site)
    {
        Settings = new QuantizerSettings(bits, activations, WeightQuantizer.Lsq).Checked();
        AddQuantizer(WeightStepName, site.OutChannels, site.Dtype, site.Device);
        if (activations == 0)
        {
            return;
        }

        AddQuantizer(StepName, site.InChannels, site.Dtype, site.Device);
        hasShifts = site.Tokens is not null;
        if (site.Tokens is { } pixels)
        {
            AddQuantizer(BeforeName, pixels, site.Dtype, site.Device);
            AddQuantizer(AfterName, pixels, site.Dtype, site.Device);
        }
    }

    /// <inheritdoc/>
    public QuantizerSettings Settings { get; }

    IEnumerable<QuantizedWeight> IQuantizedLayer.QuantizedWeights => packed is not null
        ? []
        : [new($"{LayerName}.weight", Settings, (Site.OutChannels, InnerSize), () =>
            Weight.flatten(1), Weight, WeightStep, new FrozenCodes(Settings.Method.IsOdd))];

    /// <summary>Whether a negative input has been seen.</summary>
    internal bool IsSigned
    {
        get => isSigned |= hasNegatives?.item<bool>() ?? false;
        set => isSigned = value;
    }

    private long InnerSize => Site.InChannels / Site.Groups * Site.Kernel * Site.Kernel;

    internal override IReadOnlyList<string> LatentParameters => ["weight", WeightStepName];

    internal override void UsePacked(IReadOnlyDictionary<string, PackedWeight> weights)
    {
        Remove(LatentParameters);
        packed = Take(weights[$"{LayerName}.weight"], "weight");
        hasSteps = true;
    }

    private Parameter WeightStep => GetParameter(WeightStepName);

    private LevelRange InputRange => RangeOf(IsSigned);

    private LevelRange RangeOf(bool hasSign) =>
        hasSign ? LevelRange.Signed(Settings.Activations) : LevelRange.Unsigned(Settings.Activations);

    /// <summary>x [batch, in, height, width] to [batch, out, …].</summary>
    /// <exception cref="ArgumentException">The image has another number of pixels than the shifts.</exception>
    public override Tensor forward(Tensor x)
    {
        if (hasShifts && x.size(2) * x.size(3) != GetParameter(BeforeName).numel())
        {
            throw new ArgumentException(
                $"Layer '{LayerName}' has a quantizer shift for each of {GetParameter(BeforeName).numel()} pixels; "
                + $"the input is [{string.Join(", ", x.shape)}].",
                nameof(x));
        }

        using var scope = NewDisposeScope();
        Prepare(x);
        var weight = packed is { } levels
            ? levels.Dequantize(x.dtype).view(Site.OutChannels, Site.InChannels / Site.Groups, Site.Kernel, Site.Kernel)
            : Settings.Method.Quantize(Weight, WeightStep, Settings.Bits);
        if (Settings.Activations > 0)
        {
            x = isSigned || hasNegatives is null
                ? QuantizedInput(x, isSigned)
                : where(hasNegatives, QuantizedInput(x, hasSign: true), QuantizedInput(x, hasSign: false));
        }

        return scope.MoveToOuter(Convolve(x, weight, Bias));
    }

    private Tensor QuantizedInput(Tensor x, bool hasSign) => QuantizerMethods.Activations.Quantize(
        x,
        GetParameter(StepName),
        RangeOf(hasSign),
        ScaleGranularity.ImageChannel,
        hasShifts ? GetParameter(BeforeName) : null,
        hasShifts ? GetParameter(AfterName) : null);

    internal override OnnxValue ToOnnx(OnnxGraph graph, OnnxValue x)
    {
        if (Settings.Activations == 0)
        {
            return base.ToOnnx(graph, x);
        }

        using var scope = NewDisposeScope();
        var (step, name) = (GetParameter(StepName), $"{LayerName}.input");
        return base.ToOnnx(graph, hasShifts
            ? graph.Quantize(
                x, name, step, InputRange, ScaleGranularity.ImageChannel, Map(BeforeName), Map(AfterName))
            : graph.Quantize(x, $"{name}.step", step, InputRange, ScaleGranularity.ImageChannel));

        Tensor Map(string shift) => GetParameter(shift).view(x.Shape[2], x.Shape[3]);
    }

    private protected override OnnxValue WeightToOnnx(OnnxGraph graph)
    {
        using var scope = NewDisposeScope();
        var weight = packed ?? ((IQuantizedLayer)this).QuantizedWeights.Single().Pack();
        return graph.Weight(
            $"{LayerName}.weight",
            weight,
            Site.OutChannels,
            Site.InChannels / Site.Groups,
            Site.Kernel,
            Site.Kernel);
    }

    private void Prepare(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor Shifted() => hasShifts ? x + GetParameter(BeforeName).view(1, 1, x.size(2), x.size(3)) : x;
        if (Settings.Activations > 0 && !isSigned)
        {
            var isNegative = Shifted().min() < LeastPositive;
            if (hasSteps && CudaKernels.IsDevice(x))
            {
                using var before = hasNegatives;
                var seen = before is null ? isNegative : isNegative | before.to(x.device);
                hasNegatives = seen.DetachFromDisposeScope();
            }
            else
            {
                isSigned = isNegative.item<bool>();
            }
        }

        if (hasSteps)
        {
            return;
        }

        hasSteps = ScaleInitialization.Apply(WeightStep, () =>
            Settings.Method.Steps!.InitialStep(
                Weight, null, LevelRange.Signed(Settings.Bits), ScaleGranularity.Row, constant: 2));
        if (Settings.Activations > 0)
        {
            hasSteps &= ScaleInitialization.Apply(GetParameter(StepName), () =>
                QuantizerMethods.Activations.InitialStep(
                    Shifted(), null, InputRange, ScaleGranularity.ImageChannel, constant: 2));
        }
    }
}
