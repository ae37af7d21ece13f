using Marrow.Generators.Specs;

namespace Marrow.Generators.Planning;

/// <summary>Numbers of parameters, where the sizes are constants.</summary>
internal static class ParameterCount
{
    /// <summary>Parameters of a layer without its adapter; null if a size is known only at run time.</summary>
    public static long? Of(LayerSpec layer) => layer switch
    {
        LinearSpec { Tie: not null, TieWhen.Value: true } => 0,
        LinearSpec { Tie: not null, TieWhen.Value: null } => null,
        LinearSpec { In.Integer: { } input, Out.Integer: { } output, Bias.Value: bool bias } => (input * output) + (bias ? output : 0),
        Conv2dSpec { In.Integer: { } input, Out.Integer: { } output, Kernel.Integer: { } kernel, Groups.Integer: > 0 and { } groups, Bias.Value: bool bias } =>
            (input / groups * output * kernel * kernel) + (bias ? output : 0),
        EmbeddingSpec { Rows.Integer: { } count, Dim.Integer: { } dim } => count * dim,
        RmsNormSpec { Dim.Integer: { } dim } => dim,
        LayerNormSpec { Dim.Integer: { } dim, Bias.Value: bool bias } => bias ? 2 * dim : dim,
        TensorSpec tensor when tensor.Shape.All(size => size.Integer is not null) =>
            tensor.Shape.Aggregate(1L, (product, size) => product * size.Integer!.Value),
        DropoutSpec or BufferSpec or UnreadableSpec => 0,
        _ => null,
    };

    /// <summary>Parameters that an adapter adds to a linear layer; null if a size is known only at run time.</summary>
    public static long? Of(AdapterSpec adapter, LinearSpec layer) => (adapter, layer) switch
    {
        (BoneSpec { Form: "Row", BlockSize.Integer: { } r }, { Out.Integer: { } output }) => output / r * r * r,
        (BoneSpec { Form: "Column", BlockSize.Integer: { } r }, { In.Integer: { } input }) => input / r * r * r,
        (BoneSpec { Form: "Free", BlockSize.Integer: { } r }, { Out.Integer: { } output }) => r * output,
        (BoneSpec { Form: "Mini", BlockSize.Integer: { } r, MiniRank.Integer: { } columns }, _) => r * columns,
        (LoraSpec { Rank.Integer: { } rank, IsDora: var isDora }, { In.Integer: { } input, Out.Integer: { } output }) => (rank * (input + output)) + (isDora ? output : 0),
        _ => null,
    };
}
