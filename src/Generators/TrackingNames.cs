namespace Marrow.Generators;

/// <summary>Names of the generator's steps, by which tests see what an edit re-runs.</summary>
internal static class TrackingNames
{
    /// <summary>From a class to its closure of specs.</summary>
    public const string Closure = "Closure";
}
