using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace Marrow.Checkpoints.Gguf;

/// <summary>
/// A family of models in GGUF: how its tensors and sizes are called there, and how their values differ (llama.cpp's
/// convert_hf_to_gguf.py and llama-arch.cpp).
/// </summary>
internal sealed partial class GgufArchitecture
{
    private const string Block = "model.layers.*.";

    private static readonly (string Own, string Stored)[] Separate =
    [
        (Block + "self_attn.q_proj", "blk.*.attn_q"), (Block + "self_attn.k_proj", "blk.*.attn_k"),
        (Block + "self_attn.v_proj", "blk.*.attn_v"), (Block + "self_attn.q_norm", "blk.*.attn_q_norm"),
        (Block + "self_attn.k_norm", "blk.*.attn_k_norm"), (Block + "mlp.gate_proj", "blk.*.ffn_gate"),
        (Block + "mlp.up_proj", "blk.*.ffn_up"),
    ];

    private static readonly (string Own, string Stored)[] Fused =
        [(Block + "self_attn.qkv_proj", "blk.*.attn_qkv"), (Block + "mlp.gate_up_proj", "blk.*.ffn_up")];

    private static readonly (string Own, string Stored)[] NormBefore =
        [(Block + "post_attention_layernorm", "blk.*.ffn_norm")];

    private static readonly (string Own, string Stored)[] NormsAround =
    [
        (Block + "post_attention_layernorm", "blk.*.post_attention_norm"),
        (Block + "pre_feedforward_layernorm", "blk.*.ffn_norm"),
        (Block + "post_feedforward_layernorm", "blk.*.post_ffw_norm"),
    ];

    /// <summary>The families that llama.cpp and Marrow have.</summary>
    private static readonly IReadOnlyList<GgufArchitecture> All =
    [
        new("llama", ["llama", "mistral"], Decoder([.. Separate, .. NormBefore]))
        {
            PermutesHeads = true,
            Biases = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        },
        new("qwen2", ["qwen2"], Decoder([.. Separate, .. NormBefore])) { Biases = ["q_proj", "k_proj", "v_proj"] },
        new("qwen3", ["qwen3"], Decoder([.. Separate, .. NormBefore])),
        new("phi3", ["phi3"], Decoder([.. Fused, .. NormBefore])),
        new("gemma2", ["gemma2"], Decoder([.. Separate, .. NormsAround]))
        {
            AddsOneToNorms = true, Activation = "gelu_pytorch_tanh",
        },
        new("gemma3", ["gemma3", "gemma3_text"], Decoder([.. Separate, .. NormsAround]))
        {
            AddsOneToNorms = true, Activation = "gelu_pytorch_tanh",
        },
        new("gpt2", ["gpt2"], Gpt2())
        {
            IsGpt2 = true, Biases = ["c_attn", "c_proj", "c_fc", "ln_1", "ln_2", "ln_f"], Activation = "gelu_new",
        },
    ];

    private readonly IReadOnlyList<string> modelTypes;
    private readonly IReadOnlyDictionary<string, string> stored, own;

    private GgufArchitecture(string name, IReadOnlyList<string> modelTypes, IReadOnlyDictionary<string, string> names)
    {
        (Name, this.modelTypes, stored) = (name, modelTypes, names);
        own = names.ToDictionary(pair => pair.Value, pair => pair.Key);
    }

    /// <summary>Its name in GGUF.</summary>
    public string Name { get; }

    /// <summary>The activation that llama.cpp computes for it.</summary>
    public string Activation { get; private init; } = "silu";

    /// <summary>The layers whose biases llama.cpp adds.</summary>
    private IReadOnlyList<string> Biases { get; init; } = [];

    /// <summary>Whether rotary pairs are neighbors there, and halves of a head in Hugging Face's layout.</summary>
    private bool PermutesHeads { get; init; }

    /// <summary>Whether norms multiply by w there, and by 1 + w in Hugging Face's layout.</summary>
    private bool AddsOneToNorms { get; init; }

    /// <summary>Whether weights are stored [in, out] in Hugging Face's layout, and sizes have GPT-2's names.</summary>
    private bool IsGpt2 { get; init; }

    /// <summary>The family of a config.json.</summary>
    /// <exception cref="NotSupportedException">There is none; the message is the end of a sentence.</exception>
    public static GgufArchitecture Of(JsonObject config)
    {
        var type = (string?)config["model_type"];
        return All.FirstOrDefault(family => family.modelTypes.Contains(type)) ?? throw new NotSupportedException(
            $"GGUF has no architecture that Marrow knows for model_type '{type}'; it knows "
            + string.Join(", ", All.SelectMany(family => family.modelTypes)));
    }

    /// <summary>The family of a file; null if Marrow has none such.</summary>
    public static GgufArchitecture? Named(string name) => All.FirstOrDefault(family => family.Name == name);

    /// <summary>The names of all families in GGUF.</summary>
    public static string Names => string.Join(", ", All.Select(family => family.Name));

    /// <summary>A tensor's name in GGUF; null if it has none.</summary>
    /// <param name="name">Its name in Hugging Face's layout.</param>
    public string? Stored(string name) =>
        name.EndsWith(".bias", StringComparison.Ordinal) && !Biases.Contains(name.Split('.')[^2])
            ? null
            : Translated(
                name.StartsWith("transformer.", StringComparison.Ordinal) ? name["transformer.".Length..] : name,
                stored);

    /// <summary>A tensor's name in Hugging Face's layout; null if it has none.</summary>
    public string? Own(string name) => Translated(name, own);

    /// <summary>The sizes in GGUF of a tensor with these in Hugging Face's layout, and the other way.</summary>
    public IReadOnlyList<long> Shape(string name, IReadOnlyList<long> shape) =>
        IsTurned(name, shape.Count) ? [shape[1], shape[0]] : shape;

    /// <summary>A tensor's values in GGUF.</summary>
    /// <param name="name">Its name in Hugging Face's layout.</param>
    /// <param name="value">Its values there.</param>
    /// <param name="heads">Heads of queries, and of keys and values.</param>
    public Tensor ToGguf(string name, Tensor value, (long Queries, long Keys) heads) =>
        HeadsOf(name, heads) is { } count ? value.reshape([count, 2, -1, .. value.shape[1..]]).transpose(1, 2)
            .reshape(value.shape)
        : IsNorm(name) ? value + 1
        : IsTurned(name, value.dim()) ? value.t()
        : value;

    /// <summary>A tensor's values in Hugging Face's layout.</summary>
    public Tensor FromGguf(string name, Tensor value, (long Queries, long Keys) heads) =>
        HeadsOf(name, heads) is { } count ? value.reshape([count, -1, 2, .. value.shape[1..]]).transpose(1, 2)
            .reshape(value.shape)
        : IsNorm(name) ? value - 1
        : IsTurned(name, value.dim()) ? value.t()
        : value;

    private static Dictionary<string, string> Decoder(params IEnumerable<(string Own, string Stored)> more) => new(
        new (string Own, string Stored)[]
        {
            ("model.embed_tokens", "token_embd"),
            ("model.norm", "output_norm"),
            ("lm_head", "output"),
            (Block + "input_layernorm", "blk.*.attn_norm"),
            (Block + "self_attn.o_proj", "blk.*.attn_output"),
            (Block + "mlp.down_proj", "blk.*.ffn_down"),
        }.Concat(more).Select(pair => KeyValuePair.Create(pair.Own, pair.Stored)));

    private static Dictionary<string, string> Gpt2() => new()
    {
        ["wte"] = "token_embd",
        ["wpe"] = "position_embd",
        ["ln_f"] = "output_norm",
        ["lm_head"] = "output",
        ["h.*.ln_1"] = "blk.*.attn_norm",
        ["h.*.attn.c_attn"] = "blk.*.attn_qkv",
        ["h.*.attn.c_proj"] = "blk.*.attn_output",
        ["h.*.ln_2"] = "blk.*.ffn_norm",
        ["h.*.mlp.c_fc"] = "blk.*.ffn_up",
        ["h.*.mlp.c_proj"] = "blk.*.ffn_down",
    };

    /// <summary>The number of the block stands for the star, and the last part stays.</summary>
    private static string? Translated(string name, IReadOnlyDictionary<string, string> names)
    {
        var (end, block) = (name.LastIndexOf('.'), Number().Match(name));
        return end >= 0 && names.TryGetValue(Number().Replace(name[..end], ".*."), out var other)
            ? other.Replace("*", block.Groups[1].Value, StringComparison.Ordinal) + name[end..]
            : null;
    }

    [GeneratedRegex(@"\.(\d+)\.")]
    private static partial Regex Number();

    private long? HeadsOf(string name, (long Queries, long Keys) heads) => !PermutesHeads ? null
        : name.Contains(".q_proj.", StringComparison.Ordinal) ? heads.Queries
        : name.Contains(".k_proj.", StringComparison.Ordinal) ? heads.Keys
        : null;

    private bool IsNorm(string name) => AddsOneToNorms && name.EndsWith("norm.weight", StringComparison.Ordinal);

    private bool IsTurned(string name, long dimensions) =>
        IsGpt2 && dimensions == 2 && name.Contains(".c_", StringComparison.Ordinal);
}
