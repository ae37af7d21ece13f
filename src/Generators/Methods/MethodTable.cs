using Marrow.Generators.Declarations;
using Marrow.Generators.Methods.Attention;
using Marrow.Generators.Methods.Bone;
using Marrow.Generators.Methods.Dora;
using Marrow.Generators.Methods.Lora;
using Marrow.Generators.Methods.Lsq;
using Marrow.Generators.Methods.Qkr;
using Marrow.Generators.Methods.StatsQ;
using Marrow.Generators.Rules;

namespace Marrow.Generators.Methods;

/// <summary>The methods that the generator knows. Nothing else names one.</summary>
internal sealed record MethodTable(
    IReadOnlyList<AdapterMethod> Adapters,
    IReadOnlyList<WeightMethod> Weights,
    WeightMethod EndWeights,
    WeightMethod BaseWeights,
    IReadOnlyList<AttentionMethod> Attention,
    IReadOnlyList<Func<ModelCheck, IEnumerable<Violation>>> Rules)
{
    public static MethodTable All { get; } = new(
        Adapters: [new BoneMethod(), new LoraMethod(), new DoraMethod()],
        Weights: [StatsQMethod.Instance, LsqMethod.Instance],
        EndWeights: LsqMethod.Instance,
        BaseWeights: StatsQMethod.Instance,
        Attention: [PlainAttention.Instance, QkrMethod.Instance],
        Rules: [QkrRule.Check]);
}
