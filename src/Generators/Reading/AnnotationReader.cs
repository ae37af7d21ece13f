using Marrow.Generators.Declarations;
using Marrow.Generators.Methods;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>Reads the adapters and the quantizer on a class or a property.</summary>
/// <param name="methods">The methods that attributes can ask for.</param>
/// <param name="sizes">Reads size expressions.</param>
internal sealed class AnnotationReader(MethodTable methods, SizeReader sizes)
{
    public IEnumerable<AdapterSpec> Adapters(ISymbol carrier) =>
        from attribute in carrier.GetAttributes()
        from method in methods.Adapters
        where attribute.AttributeClass?.FullName() == KnownNames.Attribute(method.Attribute)
        select method.Read(new OptionReader(attribute, sizes), carrier);

    /// <summary>[Quantize], with the attention method that stands beside it; null if there is none.</summary>
    public QuantizeSpec? Quantizer(ISymbol carrier)
    {
        if (carrier.Attribute(KnownNames.Quantize) is not { } attribute)
        {
            return null;
        }

        var options = new OptionReader(attribute, sizes);
        var bits = options.Size("Bits", unset: 0);
        var activations = options.Size("Activations", unset: 0);
        var endBits = options.Size("EndBits", unset: 8);
        var weights = options.Member<WeightQuantizer>("Weights");
        var oscillation = options.Member<Oscillation>("Oscillation");
        var boundaryRange = options.Number("BoundaryRange", unset: 0.005);
        var scope = options.Member<QuantizeScope>("Scope");
        var bfloat16 = options.Flag("Bfloat16Backward");
        return new QuantizeSpec(
            options.Header("Quantize", carrier),
            bits,
            activations,
            endBits,
            methods.Weights.First(method => method.Kind == weights),
            methods.EndWeights,
            methods.BaseWeights,
            methods.Attention.First(method => method.Attribute == Marker(carrier)),
            oscillation,
            boundaryRange,
            scope,
            bfloat16);
    }

    /// <summary>The attribute that asks for a method of quantized attention, without suffix, or null.</summary>
    public string? Marker(ISymbol carrier) => methods.Attention
        .Select(method => method.Attribute)
        .FirstOrDefault(attribute => attribute is not null && carrier.HasAttribute(KnownNames.Attribute(attribute)));

    /// <summary>The attribute of an adapter on a symbol, without suffix, or null.</summary>
    /// <param name="carrier">The class or property.</param>
    /// <param name="onlyLinear">Whether to look for methods that adapt linear layers alone.</param>
    public string? AdapterOn(ISymbol carrier, bool onlyLinear = false) => methods.Adapters
        .Where(method => !onlyLinear || method.IsOnlyLinear)
        .Select(method => method.Attribute)
        .FirstOrDefault(attribute => carrier.HasAttribute(KnownNames.Attribute(attribute)));
}
