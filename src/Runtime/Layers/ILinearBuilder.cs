namespace Marrow.Layers;

/// <summary>Makes the linear layers inside a layer, as the annotations around it say.</summary>
internal interface ILinearBuilder
{
    /// <summary>A linear layer.</summary>
    Linear Linear(
        string name,
        long inFeatures,
        long outFeatures,
        bool bias,
        long? tokens = null,
        bool positiveInput = false,
        bool isHead = false,
        Initialization? init = null,
        Func<LinearSite, Linear>? adapter = null);
}
