namespace Marrow.Generators.Reading;

/// <summary>Metadata names of the DSL's attributes.</summary>
internal static class KnownNames
{
    public const string Namespace = "Marrow";
    public const string Model = "Marrow.ModelAttribute";
    public const string Forward = "Marrow.ForwardAttribute";
    public const string Name = "Marrow.NameAttribute";
    public const string BaseCall = "Marrow.BaseCallAttribute";
    public const string Bone = "Marrow.BoneAttribute";
    public const string Lora = "Marrow.LoraAttribute";
    public const string Dora = "Marrow.DoraAttribute";
    public const string Quantize = "Marrow.QuantizeAttribute";
    public const string Qkr = "Marrow.QkrAttribute";
    public const string Recompute = "Marrow.RecomputeAttribute";
    public const string Block = "Marrow.BlockAttribute";

    /// <summary>The attributes that make a class worth generating for.</summary>
    public static readonly string[] ClassAttributes = [Model, Bone, Lora, Dora, Quantize, Qkr, Recompute];

    /// <summary>The attributes that adapt a layer.</summary>
    public static readonly string[] Adapters = [Bone, Lora, Dora];

    /// <summary>The layer attributes, and the type that a property with one must have (null: depends).</summary>
    public static readonly Dictionary<string, string?> Layers = new()
    {
        ["Marrow.LinearAttribute"] = "Marrow.Linear",
        ["Marrow.Conv2dAttribute"] = "Marrow.Conv2d",
        ["Marrow.AttentionAttribute"] = "Marrow.Attention",
        ["Marrow.EmbeddingAttribute"] = "Marrow.Embedding",
        ["Marrow.RmsNormAttribute"] = "Marrow.RmsNorm",
        ["Marrow.LayerNormAttribute"] = "Marrow.LayerNorm",
        ["Marrow.DropoutAttribute"] = "Marrow.Dropout",
        ["Marrow.ParameterAttribute"] = "TorchSharp.torch.Tensor",
        ["Marrow.BufferAttribute"] = "TorchSharp.torch.Tensor",
        [Block] = null,
    };
}
