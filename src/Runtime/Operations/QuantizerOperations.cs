using Marrow.Quantization.Layers;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What every quantized model offers.</summary>
public static class QuantizerOperations
{
    /// <summary>All quantized weights, QKR products too, in the order of the layers.</summary>
    public static IEnumerable<QuantizedWeight> QuantizedWeights(this IModel model) =>
        model.Module.modules().OfType<IQuantizedLayer>().SelectMany(layer => layer.QuantizedWeights);

    /// <summary>
    /// How latent weights lie on the grid of levels, as papers on oscillation plot it: counts over their positions;
    /// levels are whole numbers, boundaries lie between.
    /// </summary>
    /// <param name="weight">The weight.</param>
    /// <param name="binsPerLevel">Bins for one level.</param>
    /// <returns>
    /// The position of the first bin's left end, and the counts; the last bin ends half a level above the highest
    /// level.
    /// </returns>
    public static (double Start, long[] Counts) LatentHistogram(this QuantizedWeight weight, int binsPerLevel = 50)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var range = LevelRange.Signed(weight.Settings.Bits);
        var (start, bins) = (range.Low - 0.5, (long)(range.High - range.Low + 1) * binsPerLevel);
        var counts = ((weight.GridPosition() - start) * binsPerLevel).floor().clamp(0, bins - 1).to(
            ScalarType.Int64).flatten().bincount(null, bins);
        return (start, counts.data<long>().ToArray());
    }
}
