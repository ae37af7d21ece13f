using Marrow.Generators.Declarations;
using Marrow.Generators.Methods;
using Marrow.Shared;

namespace Marrow.Generators.Emission;

/// <summary>What the templates of quantized linear layers without an adapter print.</summary>
internal sealed class QuantizedLayerView(EmittedClass target) : LayerClassView(target)
{
    private QuantizeSpec Q => Quantizer!;

    public bool HasActivations => Q.HasActivations;

    public bool LearnsSteps => Q.Weights.LearnsSteps;

    public string Weights => Q.Weights.Words;

    public string ActivationsWord => XmlText.Escape(Q.Activations.ToString());

    /// <summary>Bits of a packed weight as the constructor passes them on.</summary>
    public string Bits => $"packedBits: {Code("Bits", Q.Bits)}";

    public bool Bfloat16 => Q.Bfloat16Backward;

    public IReadOnlyList<string> Formula => Q.Weights.Formula(Q.Bits);

    /// <summary>The levels of the activations in words.</summary>
    public string RangeWords => Q.Activations.Integer is >= 1 and <= 8 and { } bits
        ? $"in −{1 << (int)(bits - 1)} to {(1 << (int)(bits - 1)) - 1}, or in 0 to {(1 << (int)bits) - 1} where the "
            + "input is mostly positive"
        : "signed, or unsigned where the input is mostly positive";

    /// <summary>What the product of levels is on CUDA, and why it is exact; as the runtime chooses it.</summary>
    public string OnCuda
    {
        get
        {
            if (Q.Bits.Integer is not (>= 1 and <= 8 and { } bits)
                || Q.Activations.Integer is not (>= 1 and <= 8 and { } activations))
            {
                return XmlText.Escape("in bfloat16, exact while max|q| max|p| in < 2²⁴, else in 8 bits");
            }

            // q is unsigned where the input is mostly positive; unsigned ones of 8 bits are stored as q − 128.
            var (q, p) = (activations == 8 ? 128 : (1L << (int)activations) - 1, Q.Weights.LargestLevel((int)bits));
            if (LargestIn is not { } inner)
            {
                var end = (ExactProducts.OfFloats + (q * p) - 1) / (q * p);
                return XmlText.Escape(FormattableString.Invariant(
                    $"in bfloat16, exact as {q} · {p} · in < 2²⁴ for in < {end:N0}, else in 8 bits"));
            }

            return XmlText.Escape(ExactProducts.AreExact(q, p, inner, ExactProducts.OfFloats)
                ? $"in bfloat16, exact as {q} · {p} · {inner} < 2²⁴"
                : $"in 8 bits where they can be, exact as {q} · {p} · {inner} < 2³¹");
        }
    }

    /// <summary>Ŵ by plain operations: the statements of a method of w.</summary>
    public IReadOnlyList<string> PlainQuantizer => Q.Weights.Plain(Q.Bits, "Settings.Bits");

    /// <summary>Ŵ of the plain formula.</summary>
    public string PlainWeight => Freezes ? "WithFrozen(Quantized(Weight))" : "Quantized(Weight)";

    /// <summary>The call that makes p.</summary>
    public string Codes
    {
        get
        {
            var codes = Q.Weights.Codes("Weight", Q.Bits.Integer is null ? "Settings.Bits" : $"bits: {Q.Bits}");
            return Freezes ? $"Frozen.Apply({codes})" : codes;
        }
    }

    /// <summary>The gradients, in the order of the layer's parameters.</summary>
    public string Results
    {
        get
        {
            List<string> results =
            [
                HasActivations ? "input.Input" : "dx",
                LearnsSteps ? "weight.Input" : Freezes ? "Frozen.MaskGradient(dWeight)" : "dWeight",
                HasActivations && Bfloat16 ? "dBias" : "BiasGradient(dy)",
            ];
            if (LearnsSteps)
            {
                results.Add("weight.Step");
            }

            if (HasActivations)
            {
                results.AddRange(["input.Step", "input.Before", "input.After"]);
            }

            return string.Join(", ", results);
        }
    }
}
