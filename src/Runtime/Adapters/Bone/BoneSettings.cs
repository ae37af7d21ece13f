using System.ComponentModel;
using Marrow.Adapters;
using Marrow.Adapters.Peft;
using Marrow.Shared;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// Bone (arXiv 2409.15371). PEFT has it as MISS, whose form "bat" is Row; Column is RWKV-PEFT's "bat", and Free its
/// "bone".
/// </summary>
/// <param name="Form">Its form.</param>
/// <param name="BlockSize">Edge of a block.</param>
/// <param name="MiniRank">Columns of the trainable matrix in the Mini form, else 0.</param>
/// <param name="Dropout">Dropout on its input.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public sealed record BoneSettings(BoneForm Form, long BlockSize, long MiniRank = 0, double Dropout = 0)
    : AdapterSettings
{
    private const string ColumnType = "MARROW_BONE_COLUMN"; // PEFT has none

    /// <inheritdoc/>
    internal override void Check(LinearSite site)
    {
        site.Require(Form is BoneForm.Row or BoneForm.Column
            ? AdapterSizes.BlockDividesBoth(site.Name, BlockSize, site.InFeatures, site.OutFeatures)
            : AdapterSizes.BlockIsPositive(site.Name, BlockSize));
        site.Require(Form == BoneForm.Mini
            ? AdapterSizes.MiniRankDivides(site.Name, MiniRank, site.OutFeatures)
            : null);
    }

    /// <inheritdoc/>
    internal override IReadOnlyList<PeftField> PeftFields => Form == BoneForm.Column
        ? [new("peft_type", ColumnType), new("r", BlockSize)]
        :
        [
            new("peft_type", "MISS", found => found?.GetRawText() == "\"BONE\""), // its name in earlier versions
            new("r", BlockSize),
            PeftField.Unchecked("mini_r", Form == BoneForm.Mini ? MiniRank : 1),
            Form switch
            {
                BoneForm.Row => new("init_weights", "bat"),
                BoneForm.Mini => new("init_weights", "mini"),
                _ => new("init_weights", true),
            },
            PeftField.Unchecked("miss_dropout", Dropout),
        ];

    /// <inheritdoc/>
    public override string ToString() =>
        $"Bone {Form.ToString().ToLowerInvariant()}, block {BlockSize}"
        + (Form == BoneForm.Mini ? $", columns {MiniRank}" : "");

    /// <summary>The settings that an attribute means at run time.</summary>
    /// <exception cref="ArgumentException">An option is out of its range, or does not go with another.</exception>
    internal static BoneSettings FromAttribute(BoneAttribute attribute)
    {
        var options = new RunTimeOptions("Bone");
        var (block, columns, dropout) = (
            options.Integer("BlockSize", attribute.BlockSize),
            options.Integer("MiniRank", attribute.MiniRank),
            options.Dropout(attribute.Dropout));
        options.Require(AdapterOptions.BoneFaults(attribute.Form, columns != 0, dropout != 0));
        return new(attribute.Form, block, columns, dropout);
    }

    /// <summary>The settings of a layer in a file of PEFT's; null if it is of another type.</summary>
    /// <exception cref="FormatException">A field is not what it should be.</exception>
    internal static AdapterSettings? FromPeft(PeftConfiguration file)
    {
        if (file.Text("peft_type") is not ("MISS" or "BONE" or ColumnType))
        {
            return null;
        }

        var (block, dropout) = (file.Integer("r", unset: 64), file.Dropout("miss_dropout"));
        return (file.Text("peft_type"), file.Text("init_weights")) switch
        {
            (ColumnType, _) => new BoneSettings(BoneForm.Column, block),
            (_, null) => new BoneSettings(BoneForm.Free, block, Dropout: dropout),
            (_, "bat") => new BoneSettings(BoneForm.Row, block),
            (_, "mini") => new BoneSettings(BoneForm.Mini, block, file.Integer("mini_r", unset: 1), dropout),
            (_, var other) => throw new FormatException($"init_weights is '{other}'"),
        };
    }

    /// <summary>
    /// Free and mini: <c>W′[o, j] = W[o, j] + M[j mod r, o mod c]</c>, so A is the tiling of the input.
    /// </summary>
    internal override (Tensor A, Tensor B)? LowRank(AdapterState state, long inFeatures, long outFeatures)
    {
        if (Form is BoneForm.Row or BoneForm.Column)
        {
            return null;
        }

        var m = state.Values.Values.Single(); // [r, c]
        var tiles = eye(BlockSize, dtype: m.dtype, device: m.device)
            .repeat(1, (inFeatures + BlockSize - 1) / BlockSize)
            .narrow(1, 0, inFeatures);
        return (tiles, m.t().repeat(outFeatures / m.size(1), 1));
    }

    /// <inheritdoc/>
    internal override string PeftName(string parameter) => "miss_block";

    /// <inheritdoc/>
    internal override string? FormerPeftName(string parameter) => "bone_block";

    /// <inheritdoc/>
    internal override string? RwkvPeftName(string parameter) =>
        Form is BoneForm.Column or BoneForm.Free ? "disha" : null;

    /// <summary>The change of the weight is linear in the blocks.</summary>
    internal override IReadOnlyDictionary<string, Tensor> Combine(
        IReadOnlyList<(IReadOnlyDictionary<string, Parameter> Values, double Weight)> parts) =>
        parts[0].Values.ToDictionary(
            pair => pair.Key,
            pair => parts.Aggregate(zeros_like(pair.Value), (sum, part) =>
                sum.add_(part.Values[pair.Key], alpha: part.Weight)));
}
