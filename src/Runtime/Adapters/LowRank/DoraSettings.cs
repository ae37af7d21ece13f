using System.ComponentModel;
using Marrow.Adapters;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// DoRA (arXiv 2402.09353): LoRA whose rows' lengths m are trained apart, <c>m (W + s B A) / ‖W + s B A‖</c>.
/// </summary>
/// <inheritdoc cref="LoraSettings(long, double, bool, double, LoraInit, int, double)"/>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record DoraSettings(
    long Rank,
    double Alpha,
    bool RankStabilized = false,
    double Dropout = 0,
    LoraInit Init = LoraInit.Kaiming,
    int Iterations = 0,
    double LearningRateRatio = 1)
        : LoraSettings(Rank, Alpha, RankStabilized, Dropout, Init, Iterations, LearningRateRatio)
{
    private const string Magnitude = "lora_magnitude_vector";

    /// <inheritdoc/>
    public override string ToString() => base.ToString();

    /// <inheritdoc/>
    private protected override string Attribute => "Dora";

    /// <inheritdoc/>
    internal override bool DependsOnBase => true;

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, Tensor> InitialValues(Tensor weight) =>
        new Dictionary<string, Tensor> { [Magnitude] = RowNorms.Of(weight) };

    /// <inheritdoc/>
    internal override IReadOnlyDictionary<string, Tensor> Combine(
        IReadOnlyList<(IReadOnlyDictionary<string, Parameter> Values, double Weight)> parts) =>
        throw new InvalidOperationException(
            "DoRA divides by the lengths of the changed rows, so its adapters have no weighted sum; merge one "
            + "instead.");

    /// <inheritdoc/>
    internal override (Tensor A, Tensor B)? LowRank(AdapterState state, long inFeatures, long outFeatures) => null;

    /// <inheritdoc/>
    internal override string? RwkvPeftName(string parameter) => null;
}
