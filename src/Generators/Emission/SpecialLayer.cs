using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>A linear layer with an adapter or a quantizer or both, and what is constant about it.</summary>
/// <param name="Adapter">The adapter, or null.</param>
/// <param name="Quantizer">The quantizer, or null.</param>
/// <param name="In">Input features, or null if known only at run time.</param>
/// <param name="Out">Output features, likewise.</param>
/// <param name="Tokens">Positions of the input where activations are quantized, or null.</param>
/// <param name="PositiveInput">Whether quantized activations are unsigned.</param>
/// <param name="HasBias">Whether a quantized layer has a bias; null if that is known only at run time.</param>
internal sealed record SpecialLayer(
    AdapterSpec? Adapter, QuantizeSpec? Quantizer, long? In, long? Out, SizeExpression? Tokens, bool PositiveInput, bool? HasBias)
{
    public static SpecialLayer Of(LinearSpec linear, AdapterSpec? adapter, QuantizeSpec? quantizer)
    {
        var hasActivations = quantizer is { HasActivations: true };
        return new(
            adapter,
            quantizer,
            linear.In.Integer,
            linear.Out.Integer,
            hasActivations ? linear.Tokens : null,
            hasActivations && linear.PositiveInput,
            quantizer is null ? null : linear.Bias.Value as bool?);
    }

    /// <summary>Both sizes known; otherwise the class reads them from its layer.</summary>
    public bool IsConstant => In is not null && Out is not null;

    /// <summary>Options that are expressions over the constructor's parameters, with their parameter names.</summary>
    public IEnumerable<(string Name, SizeExpression Size)> RunTimeOptions => (Adapter?.Sizes ?? [])
        .Concat(Quantizer is null ? [] : [("Bits", Quantizer.Bits), ("Activations", Quantizer.Activations)])
        .Where(pair => pair.Size.Value is null)
        .Select(pair => (char.ToLowerInvariant(pair.Option[0]) + pair.Option.Substring(1), pair.Size));

    /// <summary>Adapter and quantizer in words.</summary>
    public string Words => (Adapter, Quantizer) switch
    {
        ({ } adapter, { } quantizer) => $"{PlanTable.Words(adapter)} on {PlanTable.Words(quantizer)}",
        ({ } adapter, null) => PlanTable.Words(adapter),
        (null, { } quantizer) => PlanTable.Words(quantizer),
        _ => "",
    };

    public string Template => Adapter switch
    {
        null => Quantizer is { IsPacked: true } ? "PackedLinear" : "QuantizedLinear",
        BoneSpec { Form: "Row" } => "BoneRow",
        BoneSpec { Form: "Column" } => "BoneColumn",
        BoneSpec => "BoneFree",
        LoraSpec { IsDora: true } => "Dora",
        _ => "Lora",
    };

    /// <summary>Name of the emitted class: <c>BoneRow64Linear4096To11008</c>, <c>W2A2Linear192To768</c>.</summary>
    public string Name
    {
        get
        {
            var method = Adapter switch
            {
                BoneSpec bone => $"Bone{bone.Form}{bone.BlockSize.Integer}",
                LoraSpec lora => $"{(lora.Init == "Kaiming" ? "" : lora.Init)}{lora.Attribute}{lora.Rank.Integer}",
                _ => "",
            };
            var bits = Quantizer is null
                ? ""
                : $"{(Quantizer.Weights == "Lsq" ? "Lsq" : "")}W{Quantizer.Bits.Integer}{(Quantizer.HasActivations ? $"A{Quantizer.Activations.Integer}" : "")}";
            return $"{method}{bits}{(Quantizer is { IsPacked: true } ? "Packed" : "")}Linear{(IsConstant ? $"{In}To{Out}" : "")}";
        }
    }
}
