namespace Marrow.Generators.Emission;

/// <summary>What a layer template prints.</summary>
internal sealed class AdaptedLayerView(string name, AdaptedLayer layer)
{
    public string Name => name;

    public bool IsConstant => layer.IsConstant;
}
