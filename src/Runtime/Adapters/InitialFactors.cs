using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.Adapters;

/// <summary>
/// What a layer's adapter was initialized with and took out of the frozen weight. Kept as long as the layer, because
/// the original weight comes back from it.
/// </summary>
internal sealed class InitialFactors : IDisposable
{
    private Dictionary<string, Tensor> values = [];

    /// <summary>By the parameters' names; null if nothing was taken out.</summary>
    public IReadOnlyDictionary<string, Tensor>? Values => values.Count > 0 ? values : null;

    /// <summary>Keeps copies of these in place of the present ones.</summary>
    public IReadOnlyDictionary<string, Tensor> Keep(IEnumerable<(string Name, Tensor Value)> factors)
    {
        var copies = factors.ToDictionary(factor => factor.Name, factor =>
            factor.Value.detach().clone().DetachFromDisposeScope());
        Dispose();
        values = copies;
        return copies;
    }

    /// <summary>Moves along with the layer.</summary>
    public void Move(ScalarType? dtype, Device? device)
    {
        var moved = values.ToDictionary(factor => factor.Key, factor =>
            ComponentMoves.Copy(factor.Value, dtype, device));
        Dispose();
        values = moved;
    }

    /// <summary>Forgets them.</summary>
    public void Dispose()
    {
        foreach (var value in values.Values)
        {
            value.Dispose();
        }

        values = [];
    }
}
