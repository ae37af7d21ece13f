using Marrow.Generators.Declarations;

namespace Marrow.Generators.Reading;

/// <summary>Metadata names of the DSL's attributes.</summary>
internal static class KnownNames
{
    public const string Namespace = "Marrow";
    public const string Model = "Marrow.ModelAttribute";
    public const string Forward = "Marrow.ForwardAttribute";
    public const string Name = "Marrow.NameAttribute";
    public const string BaseCall = "Marrow.CompilerServices.BaseCallAttribute";
    public const string Head = "Marrow.HeadAttribute";
    public const string Train = "Marrow.TrainAttribute";
    public const string Replace = "Marrow.ReplaceAttribute";
    public const string Quantize = "Marrow.QuantizeAttribute";
    public const string Recompute = "Marrow.RecomputeAttribute";
    public const string Checkpoint = "Marrow.CheckpointAttribute";
    public const string Linear = "Marrow.LinearAttribute";
    public const string Block = "Marrow.BlockAttribute";
    public const string Embedding = "Marrow.EmbeddingAttribute";
    public const string ModuleList = "Marrow.ModuleList";
    public const string Tensor = "TorchSharp.torch.Tensor";

    /// <summary>The attributes that rename tensors in checkpoints, and their names without suffix.</summary>
    public static readonly Dictionary<string, string> NameRules =
        new[] { "Rename", "Split", "Fuse" }.ToDictionary(Attribute);

    /// <summary>TorchSharp's own modules, by their attributes.</summary>
    public static readonly Dictionary<string, TorchLayerKind> TorchLayers =
        TorchLayerKind.All.ToDictionary(kind => Attribute(kind.Attribute));

    /// <summary>The layer attributes, and the type that a property with one must have (null: depends).</summary>
    public static readonly Dictionary<string, string?> Layers = new Dictionary<string, string?>
    {
        [Linear] = "Marrow.Linear",
        ["Marrow.Conv2dAttribute"] = "Marrow.Conv2d",
        ["Marrow.AttentionAttribute"] = "Marrow.Attention",
        [Embedding] = "Marrow.Embedding",
        ["Marrow.RmsNormAttribute"] = "Marrow.RmsNorm",
        ["Marrow.LayerNormAttribute"] = "Marrow.LayerNorm",
        ["Marrow.DropoutAttribute"] = "Marrow.Dropout",
        ["Marrow.ParameterAttribute"] = Tensor,
        ["Marrow.BufferAttribute"] = Tensor,
        [Block] = null,
    }
        .Concat(TorchLayers.Select(pair => new KeyValuePair<string, string?>(
            pair.Key, "TorchSharp.Modules." + pair.Value.Factory)))
        .ToDictionary(pair => pair.Key, pair => pair.Value);

    /// <summary>The metadata name of an attribute of the DSL.</summary>
    public static string Attribute(string name) => $"{Namespace}.{name}Attribute";
}
