namespace Marrow.Generators;

/// <summary>Names of the generator's steps, by which tests see what an edit re-runs.</summary>
internal static class TrackingNames
{
    /// <summary>From a class to everything that its files are made of.</summary>
    public const string Input = "Input";
}
