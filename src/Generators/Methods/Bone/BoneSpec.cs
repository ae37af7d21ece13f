using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Methods.Bone;

/// <summary>[Bone].</summary>
/// <param name="Header">The attribute as written.</param>
/// <param name="Form">Which blocks are shared.</param>
/// <param name="BlockSize">Edge of a block.</param>
/// <param name="MiniRank">Columns of the trainable matrix in the Mini form.</param>
/// <param name="Dropout">Dropout on the adapter's input.</param>
internal sealed record BoneSpec(
    AnnotationHeader Header, BoneForm Form, SizeExpression BlockSize, SizeExpression MiniRank, SizeExpression? Dropout)
    : AdapterSpec(Header, Dropout)
{
    /// <summary>Whether whole blocks of W are mapped, which both sizes must be made of.</summary>
    private bool IsBlockAffine => Form is BoneForm.Row or BoneForm.Column;

    private bool IsMini => Form == BoneForm.Mini;

    public override string Words =>
        $"Bone {Form.ToString().ToLowerInvariant()}, block {BlockSize}{(IsMini ? $", columns {MiniRank}" : "")}";

    public override string ClassName =>
        $"Bone{Form}{BlockSize.Integer}{(IsMini && MiniRank.Integer is { } columns ? $"x{columns}" : "")}";

    public override string SizeOption => "BlockSize";

    public override string Template => Form switch
    {
        BoneForm.Row => "BoneRow",
        BoneForm.Column => "BoneColumn",
        _ => "BoneFree",
    };

    private protected override IEnumerable<Argument> OwnArguments =>
    [
        new("BlockSize", BlockSize, ValueKind.Integer, Id: DiagnosticIds.BlockSize),
        .. IsMini ? (Argument[])[new("MiniRank", MiniRank, ValueKind.Integer, Id: DiagnosticIds.BlockSize)] : [],
    ];

    private protected override AdapterSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { BlockSize = evaluate(BlockSize), MiniRank = evaluate(MiniRank) };

    public override IEnumerable<ArgumentError> OptionErrors() => Wrong(AdapterOptions.BoneFaults(
        Form, Has("MiniRank"), Has("Dropout")));

    public override SizeError? SizeErrorOn(string layer, long inFeatures, long outFeatures)
    {
        if (BlockSize.Integer is { } size)
        {
            var error = IsBlockAffine
                ? AdapterSizes.BlockDividesBoth(layer, size, inFeatures, outFeatures)
                : AdapterSizes.BlockIsPositive(layer, size);
            if (error is not null)
            {
                return new(DiagnosticIds.BlockSize, "BlockSize", error, []);
            }
        }

        return IsMini && Has("MiniRank") && MiniRank.Integer is { } columns
            && AdapterSizes.MiniRankDivides(layer, columns, outFeatures) is { } wrong
                ? new(DiagnosticIds.BlockSize, "MiniRank", wrong, AdapterSizes.NearestDivisors(columns, outFeatures))
                : null;
    }

    public override IReadOnlyList<long> SizesThatFit(IEnumerable<(long In, long Out)> layers)
    {
        if (!IsBlockAffine || BlockSize.Integer is not { } size)
        {
            return [];
        }

        var common = layers.Aggregate(
            0L, (divisor, layer) => AdapterSizes.Gcd(AdapterSizes.Gcd(layer.In, layer.Out), divisor));
        return AdapterSizes.NearestDivisors(size, common);
    }

    public override long? ParameterCount(long? inFeatures, long? outFeatures) => Form switch
    {
        _ when BlockSize.Integer is null or <= 0 => null,
        BoneForm.Row => checked(outFeatures / BlockSize.Integer * BlockSize.Integer * BlockSize.Integer),
        BoneForm.Column => checked(inFeatures / BlockSize.Integer * BlockSize.Integer * BlockSize.Integer),
        BoneForm.Free => checked(BlockSize.Integer * outFeatures),
        _ => checked(BlockSize.Integer * MiniRank.Integer),
    };

    public override bool KeepsInput => IsBlockAffine;

    public override long? KeptPerRow(long? outFeatures) => IsBlockAffine ? 0 : BlockSize.Integer;

    public override object View(EmittedClass target) => new BoneView(target, this);
}
