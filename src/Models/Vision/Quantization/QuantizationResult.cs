namespace Marrow.Vision;

/// <summary>What a way to quantize reached.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Top1">Share of validation images that are classified rightly.</param>
/// <param name="End">Oscillation at the end.</param>
/// <param name="Frozen">Share of annealed weights that the last step left alone; 0 without annealing.</param>
/// <param name="MsPerStep">Median time of a step, without reading images; null if an earlier process took all.</param>
/// <param name="ModelBytes">Size of the exported model.</param>
/// <param name="Losses">The loss of every step, with its number.</param>
/// <param name="Oscillation">Share of oscillating weights by step.</param>
/// <param name="Latent">Latent weights over positions on the grid of levels: where it starts, and counts.</param>
public sealed record QuantizationResult(
    string Method,
    int Seed,
    double Top1,
    OscillationReport End,
    double Frozen,
    double? MsPerStep,
    long ModelBytes,
    IReadOnlyList<(double Step, double Loss)> Losses,
    IReadOnlyList<(int Step, double Share)> Oscillation,
    (double Start, long[] Counts) Latent);
