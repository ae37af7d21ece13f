namespace Marrow.Benchmarks.Device;

/// <summary>One result on a device.</summary>
/// <param name="Benchmark">What was measured.</param>
/// <param name="Case">Its sizes.</param>
/// <param name="Milliseconds">Marrow's time.</param>
/// <param name="Launches">Launches of Marrow's own kernels.</param>
internal sealed record DeviceRow(string Benchmark, string Case, double Milliseconds, int Launches)
{
    /// <summary>The time of other ways to do the same, by name.</summary>
    public IReadOnlyDictionary<string, double> Others { get; init; } = new Dictionary<string, double>();

    /// <summary>Bytes that have to be read and written, counted from what the kernel takes and gives.</summary>
    public double? Bytes { get; init; }

    /// <summary>Entries that those bytes belong to.</summary>
    public double? Entries { get; init; }

    /// <summary>The goal, as a sentence.</summary>
    public string? Goal { get; init; }

    /// <summary>Achieved bandwidth in GB/s.</summary>
    public double? Bandwidth => Bytes / Milliseconds / 1e6;
}
