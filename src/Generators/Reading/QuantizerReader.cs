using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads [Quantize], with [Qkr], on a class or a property.</summary>
internal static class QuantizerReader
{
    public static QuantizeSpec? Read(ISymbol symbol, ExpressionReader expressions)
    {
        if (symbol.Attribute(KnownNames.Quantize) is not { } attribute)
        {
            return null;
        }

        var options = new AnnotationOptions(attribute, expressions);
        return new QuantizeSpec(
            options.Size("Bits", 0),
            options.Size("Activations", 0),
            options.Size("EndBits", 8),
            options.Member("Weights", "StatsQ"),
            options.Member("Oscillation", "None"),
            options.Number("BoundaryRange", 0.005),
            options.Member("Scope", "Merged"),
            options.Flag("Bfloat16Backward"),
            symbol.HasAttribute(KnownNames.Qkr),
            options.Targets,
            options.Given);
    }
}
