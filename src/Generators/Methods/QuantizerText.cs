using System.Globalization;
using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Methods;

/// <summary>A quantizer as C#.</summary>
internal static class QuantizerText
{
    /// <summary>The creation of its settings.</summary>
    /// <param name="quantizer">The quantizer.</param>
    /// <param name="name">How an option that is known only at run time is read.</param>
    /// <param name="needsActivations">
    /// Whether the layer is written to quantize activations: 0 bits at run time are an error.
    /// </param>
    /// <param name="prefix">What qualifies the names of types.</param>
    public static string Settings(
        QuantizeSpec quantizer, Func<string, string> name, bool needsActivations, string prefix = "")
    {
        return $"new {prefix}QuantizerSettings({string.Join(", ", Options())})";

        string Value(string option, SizeExpression size) => size.Integer is null ? name(option) : size.ToString();

        IEnumerable<string> Options()
        {
            yield return $"Bits: {Value("Bits", quantizer.Bits)}";
            if (quantizer.HasActivations)
            {
                var bits = Value("Activations", quantizer.Activations);
                yield return needsActivations && quantizer.Activations.Integer is null
                    ? $"Activations: {prefix}QuantizerSettings.ActivationBits({bits})"
                    : $"Activations: {bits}";
            }

            if (quantizer.Weights.Kind != default)
            {
                yield return $"Weights: {Enum(quantizer.Weights.Kind)}";
            }

            if (quantizer.Oscillation != Oscillation.None)
            {
                yield return $"Oscillation: {Enum(quantizer.Oscillation)}";
            }

            if (quantizer.Anneals)
            {
                yield return $"BoundaryRange: {quantizer.BoundaryRange.ToString("R", CultureInfo.InvariantCulture)}";
            }
        }

        string Enum<T>(T value) => $"{(prefix.Length == 0 ? "" : "global::Marrow.")}{typeof(T).Name}.{value}";
    }
}
