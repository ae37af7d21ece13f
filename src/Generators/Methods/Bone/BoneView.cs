using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Methods.Bone;

/// <summary>What the Bone templates print.</summary>
internal sealed class BoneView(EmittedClass target, BoneSpec bone) : AdaptedLayerView(target, bone)
{
    public override string Settings => "new BoneSettings(" + string.Join(", ", new[]
    {
        $"BoneForm.{bone.Form}",
        Block,
        IsMini ? $"MiniRank: {Columns}" : null,
        HasDropout ? $"Dropout: {Code("Dropout", bone.Dropout!)}" : null,
    }.OfType<string>()) + ")";

    public override IReadOnlyList<OptionField> Fields =>
    [
        .. bone.Arguments
            .Where(option => option.Name != "Dropout")
            .Where(option => option.Value.Value is null)
            .Select(option => new OptionField("long", Camel(option.Name), Camel(option.Name))),
        .. base.Fields,
    ];

    /// <summary>r as code, and as comments name it.</summary>
    public string Block => Code("BlockSize", bone.BlockSize);

    public string BlockWord => Word(bone.BlockSize, "r");

    /// <summary>For which blocks CUDA has kernels, where that is not all or none; null if it has none.</summary>
    public string? OnCuda => bone.BlockSize.Integer is not { } block
        ? $" and r of {string.Join(", ", TensorCoreBlocks.Edges)}"
        : TensorCoreBlocks.Edges.Contains(block) ? "" : null;

    /// <summary>The call that cuts a matrix of W's shape in blocks [o,i].</summary>
    public string Cut => $".view(-1, {Block}, InFeatures / {Block}, {Block}).transpose(1, 2)";

    public bool IsMini => bone.Form == BoneForm.Mini;

    /// <summary>Columns of M as code, and as comments name them.</summary>
    public string Columns => IsMini ? Code("MiniRank", bone.MiniRank) : "OutFeatures";

    public string ColumnsWord => IsMini ? Word(bone.MiniRank, "c") : "out";

    /// <summary>
    /// The form of M with its sizes, its column for an output o, and its shape, as comments name them.
    /// </summary>
    public string FormWords => IsMini ? $"mini, block {BlockWord}, columns {ColumnsWord}" : $"free, block {BlockWord}";

    public string ColumnWord => IsMini ? $"o mod {ColumnsWord}" : "o";

    public string BlockShape => $"[{BlockWord}, {ColumnsWord}]";

    /// <summary>What is summed over shards, and the gradient that meets it, as code and comments name them.</summary>
    public string SumWord => HasDropout ? "S(D x)" : "S(x)";

    public string G => IsMini ? "g" : "dy";

    private static string Word(SizeExpression size, string otherwise) =>
        size.Integer is null ? otherwise : size.ToString();
}
