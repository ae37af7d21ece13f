using System.Globalization;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>What the template of quantized linear layers prints.</summary>
internal sealed class QuantizedLayerView(string name, SpecialLayer layer, QuantizeSpec quantizer)
{
    public string Name => name;

    public string Parameters => string.Join(", ", layer.RunTimeOptions.Select(option => $"int {option.Name}").Prepend("LinearSite site"));

    public string InWord => Number(layer.In) ?? "in";

    public string OutWord => Number(layer.Out) ?? "out";

    public bool HasTokens => layer.Tokens is not null;

    public string TokensWord => Number(layer.Tokens?.Integer) ?? "N";

    public bool HasActivations => quantizer.HasActivations;

    public bool IsLsq => quantizer.Weights == "Lsq";

    public string Weights => quantizer.Weights == "Lsq" ? "LSQ" : quantizer.Weights;

    public string BitsWord => quantizer.Bits.ToString();

    public string ActivationsWord => quantizer.Activations.ToString();

    /// <summary>Bits as the constructor passes them on.</summary>
    public string Bits => quantizer.Bits.Integer is { } bits ? $"bits: {Number(bits)}" : "bits";

    public bool BitsIsField => !IsLsq && quantizer.Bits.Integer is null;

    public bool HasBias => layer.HasBias != false;

    public string Bias => HasBias ? "Bias" : "bias: null";

    public bool Bfloat16 => quantizer.Bfloat16Backward;

    public string Low => Power(quantizer.Activations, layer.PositiveInput ? null : bits => -(1 << (bits - 1)), "low");

    public string High => Power(quantizer.Activations, layer.PositiveInput ? bits => (1 << bits) - 1 : bits => (1 << (bits - 1)) - 1, "high");

    public string WeightLow => Power(quantizer.Bits, bits => bits == 1 ? -1 : -(1 << (bits - 1)), "low");

    public string WeightHigh => Power(quantizer.Bits, bits => bits == 1 ? 1 : (1 << (bits - 1)) - 1, "high");

    public string N => Power(quantizer.Bits, bits => 1 << (bits - 1), "n");

    public string TwoN => Power(quantizer.Bits, bits => 1 << bits, "2n");

    /// <summary>The call that makes p.</summary>
    public string Levels
    {
        get
        {
            var levels = IsLsq
                ? "WeightLevels.Lsq(Weight, WeightStep, WeightRange)"
                : $"WeightLevels.StatsQ(Weight, bits{(BitsIsField ? "" : $": {quantizer.Bits}")})";
            return Freezes ? $"Held.Hold({levels})" : levels;
        }
    }

    /// <summary>Whether iterative freezing holds levels.</summary>
    public bool Freezes => quantizer.Oscillation == "Freeze";

    /// <summary>Unsigned levels of 8 bits are stored less 128.</summary>
    public string Offset => !layer.PositiveInput ? "0" : quantizer.Activations.Integer is { } bits ? bits == 8 ? "128" : "0" : "Range.High > 127 ? 128 : 0";

    /// <summary>Odd levels of 8 bits are stored halved.</summary>
    public string IsHalved => IsLsq ? "false" : quantizer.Bits.Integer is { } bits ? bits == 8 ? "true" : "false" : "bits == 8";

    public string Settings => SettingsOf(quantizer, _ => null, needsActivations: true);

    /// <summary>The gradients, in the order of the layer's parameters.</summary>
    public string Results
    {
        get
        {
            List<string> results = [HasActivations ? "input.Input" : "dx", IsLsq ? "weight.Input" : Freezes ? "Held.Live(dWeight)" : "dWeight"];
            if (HasBias)
            {
                var sum = HasActivations && Bfloat16 ? "dBias" : "BiasGradient.Of(dy)";
                results.Add(layer.HasBias is null ? $".. Bias is null ? [] : new[] {{ {sum} }}" : sum);
            }

            if (IsLsq)
            {
                results.Add("weight.Step");
            }

            if (HasActivations)
            {
                results.AddRange(["input.Step", "input.Before", "input.After"]);
            }

            return layer.HasBias is null ? $"{results[0]}, [{string.Join(", ", results.Skip(1))}]" : string.Join(", ", results);
        }
    }

    /// <summary>The arguments of <c>QuantizerSettings</c>.</summary>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="nameOf">How a constructor parameter is read; null: the option's own name is a parameter.</param>
    /// <param name="needsActivations">Whether the layer is written to quantize activations; else 0 bits at run time are none.</param>
    public static string SettingsOf(QuantizeSpec quantizer, Func<string, string?> nameOf, bool needsActivations)
    {
        return string.Join(", ", Options());

        string Value(string name, SizeExpression size) => size.Integer is { } value
            ? Number(value)!
            : nameOf("") is null ? char.ToLowerInvariant(name[0]) + name.Substring(1) : size.Print(parameter => nameOf(parameter)!);

        IEnumerable<string> Options()
        {
            yield return $"Bits: {Value("Bits", quantizer.Bits)}";
            if (quantizer.HasActivations)
            {
                var activations = Value("Activations", quantizer.Activations);
                yield return $"Activations: {(needsActivations && quantizer.Activations.Integer is null ? $"QuantizerSettings.ActivationBits({activations})" : activations)}";
            }

            if (quantizer.Weights == "Lsq")
            {
                yield return "Weights: WeightQuantizer.Lsq";
            }

            if (quantizer.Oscillation != "None")
            {
                yield return $"Oscillation: Oscillation.{quantizer.Oscillation}";
            }

            if (quantizer.Oscillation == "Cga")
            {
                yield return $"BoundaryRange: {quantizer.BoundaryRange.ToString("R", CultureInfo.InvariantCulture)}";
            }
        }
    }

    private static string Power(SizeExpression bits, Func<int, int>? value, string otherwise) => value is null
        ? "0"
        : bits.Integer is >= 1 and <= 8 and { } number
            ? value((int)number).ToString(CultureInfo.InvariantCulture).Replace('-', '−')
            : otherwise;

    private static string? Number(long? value) => value?.ToString(CultureInfo.InvariantCulture);
}
