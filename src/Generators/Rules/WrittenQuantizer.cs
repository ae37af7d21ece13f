using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Rules;

/// <summary>A quantizer that the class writes down, on itself or on one of its layers, with constants folded.</summary>
internal sealed record WrittenQuantizer(LayerSpec? Layer, QuantizeSpec Quantizer)
{
    public Site At(string option) => new Site.Argument(Layer?.Property.Name, "Quantize", option);

    public static IEnumerable<WrittenQuantizer> Of(ModelCheck check)
    {
        var onLayers = check.Type.Layers
            .Where(layer => layer.Quantizer is not null)
            .Select(layer => new WrittenQuantizer(layer, layer.Quantizer!.Evaluate(SizeArithmetic.Fold)));
        return check.Type.Quantizer is { } own
            ? onLayers.Prepend(new WrittenQuantizer(null, own.Evaluate(SizeArithmetic.Fold)))
            : onLayers;
    }
}
