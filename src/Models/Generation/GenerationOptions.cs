namespace Marrow.Models;

/// <summary>How to continue prompts.</summary>
/// <param name="Count">The most tokens to add to each.</param>
/// <param name="Stops">Ids that end a continuation; the one that did is kept in it.</param>
/// <param name="Temperature">0 takes the likeliest token; otherwise logits are divided by it before sampling.</param>
/// <param name="TopK">Sample among this many of the likeliest tokens; 0: all.</param>
/// <param name="TopP">
/// Sample among the likeliest tokens that together have this probability (arXiv 1904.09751); 1: all.
/// </param>
/// <param name="Seed">Decides what is sampled.</param>
/// <param name="IsDone">
/// Asked with all that was added to a prompt, after each token, whether that ends its continuation; null: never.
/// </param>
public sealed record GenerationOptions(
    int Count,
    IReadOnlyList<int>? Stops = null,
    double Temperature = 0,
    int TopK = 0,
    double TopP = 1,
    ulong Seed = 0,
    Func<IReadOnlyList<int>, bool>? IsDone = null)
{
    internal GenerationOptions Checked() =>
        Count < 1 ? throw new ArgumentOutOfRangeException(
            nameof(Count), Count, "At least one token is to be generated.")
        : !(Temperature >= 0) || double.IsInfinity(Temperature) ? throw new ArgumentOutOfRangeException(
            nameof(Temperature), Temperature, "The temperature is not negative.")
        : TopK < 0 ? throw new ArgumentOutOfRangeException(nameof(TopK), TopK, "TopK is not negative.")
        : !(TopP is > 0 and <= 1)
            ? throw new ArgumentOutOfRangeException(nameof(TopP), TopP, "TopP is above 0 and at most 1.")
        : this;
}
