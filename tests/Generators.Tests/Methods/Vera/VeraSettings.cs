using Marrow.Adapters.Peft;
using Marrow.CompilerServices;
using static TorchSharp.torch;

namespace Marrow.Generators.Tests.Methods.Vera;

/// <summary>VeRA: A and B are drawn from a seed and never trained, d [rank] and b [out] scale them.</summary>
/// <param name="Rank">Rank of the update.</param>
public sealed record VeraSettings(long Rank) : AdapterSettings
{
    internal override IReadOnlyList<PeftField> PeftFields => [new("peft_type", "VERA"), new("r", Rank)];

    internal override void Check(LinearSite site) => ArgumentOutOfRangeException.ThrowIfLessThan(Rank, 1);

    /// <summary>d starts as 0.1, so that b has a gradient; b as 0, so that the output is the base's.</summary>
    internal override IReadOnlyDictionary<string, Tensor> InitialValues(Tensor weight) =>
        new Dictionary<string, Tensor> { ["vera_lambda_d"] = full(Rank, 0.1, dtype: weight.dtype) };
}

/// <summary>The random matrices.</summary>
public static class VeraProjection
{
    /// <summary>Kaiming-uniform over the last size, the same for the same seed.</summary>
    public static Tensor Of(int seed, long rows, long columns, ScalarType type)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return (rand([rows, columns], dtype: float64, generator: generator) - 0.5).mul_(2 / Math.Sqrt(columns)).to(
            type);
    }
}
