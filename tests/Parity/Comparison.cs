using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>How far a computed tensor is from the stored one.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="MaxAbs">Largest absolute difference; NaN if the shapes differ.</param>
/// <param name="MaxRel">The same over the largest stored entry.</param>
/// <param name="Pass">Whether it is within the file's tolerance.</param>
public sealed record Comparison(string Tensor, double MaxAbs, double MaxRel, bool Pass)
{
    public static Comparison Of(string name, Tensor computed, Tensor stored, Tolerance tolerance)
    {
        using var scope = NewDisposeScope();
        if (!computed.shape.SequenceEqual(stored.shape))
        {
            return new Comparison(
                $"{name} [{string.Join(", ", computed.shape)}] for [{string.Join(", ", stored.shape)}]",
                double.NaN,
                double.NaN,
                false);
        }

        var (a, b) = (computed.detach().to(float64), stored.to(float64));
        var largest = b.abs().max().item<double>();
        var difference = (a - b).abs().max().item<double>();
        return new Comparison(
            name,
            difference,
            difference / Math.Max(largest, double.Epsilon),
            difference <= tolerance.Absolute + (tolerance.Relative * largest));
    }

    /// <summary>Exact comparison of ids.</summary>
    public static Comparison Exact(string name, IReadOnlyList<int> computed, IReadOnlyList<int> stored)
    {
        var differing = Math.Abs(computed.Count - stored.Count)
            + computed.Zip(stored).Count(pair => pair.First != pair.Second);
        return new Comparison(name, differing, differing / (double)Math.Max(1, stored.Count), differing == 0);
    }
}

/// <summary>The tolerance that is stated for a reference file: |a − b| ≤ Absolute + Relative · max|b|.</summary>
public sealed record Tolerance(double Absolute, double Relative)
{
    private Tolerance? gradients;

    /// <summary>Gradients of whole models have a wider one.</summary>
    public Tolerance ForGradients => gradients ?? this;

    public static Tolerance Of(string fixture) => ByPrefix.FirstOrDefault(
        pair => fixture.StartsWith(pair.Prefix, StringComparison.Ordinal)).Tolerance ?? new Tolerance(1e-5, 1e-5);

    private static readonly (string Prefix, Tolerance Tolerance)[] ByPrefix =
    [
        ("llama", Model()),
        ("rwkv6", Model()),
        ("deit", Model()),
        ("swin", Model()),
        ("pissa", new(1e-5, 2e-5)),
        ("olora", new(1e-5, 2e-5)),
        ("lora_ga", new(5e-5, 5e-5)),
        ("ofq_qmlp", new(2e-5, 2e-5)),
        ("ofq_attention", new(2e-5, 2e-5)),
        ("ofq_deit_model", new(5e-5, 5e-5)),
        ("ofq_cga_steps", new(1e-6, 1e-6)),
        ("ofq_oscillation", new(1e-6, 1e-6)),
    ];

    private static Tolerance Model() => new(2e-5, 2e-5) { gradients = new Tolerance(1e-4, 1e-4) };
}
