namespace Marrow.Benchmarks;

/// <summary>One result.</summary>
/// <param name="Benchmark">Which benchmark.</param>
/// <param name="Case">Its sizes.</param>
/// <param name="Metric">What was measured: time or peak memory.</param>
/// <param name="Value">Ratio to the baseline; below 1 is better than it.</param>
/// <param name="Baseline">What the ratio is relative to.</param>
internal sealed record Measurement(string Benchmark, string Case, string Metric, double Value, string Baseline);
