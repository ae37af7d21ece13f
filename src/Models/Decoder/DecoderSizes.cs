namespace Marrow.Models;

/// <summary>
/// The sizes of a <see cref="Decoder"/> and the parts that one family has and another lacks, as config.json states
/// them. What is not given is LLaMA's.
/// </summary>
/// <param name="Vocabulary">vocab_size.</param>
/// <param name="Hidden">hidden_size: width of the residual stream.</param>
/// <param name="Intermediate">intermediate_size: width inside the MLP.</param>
/// <param name="Layers">num_hidden_layers.</param>
/// <param name="Heads">num_attention_heads.</param>
/// <param name="KeyValueHeads">num_key_value_heads; divides the heads.</param>
/// <param name="Context">max_position_embeddings, or longer where the rotary scaling extends it.</param>
/// <param name="NormEps">rms_norm_eps.</param>
/// <param name="RopeTheta">rope_theta: base of the rotary angles.</param>
/// <param name="Tied">tie_word_embeddings: whether the output head shares the embedding's weight.</param>
/// <param name="Head">head_dim; null: Hidden / Heads.</param>
/// <param name="QkvBias">Whether queries, keys and values have a bias (Qwen2).</param>
/// <param name="OutputBias">Whether the output of attention has one.</param>
/// <param name="MlpBias">mlp_bias: whether the layers of the MLP have one.</param>
/// <param name="QkNorms">Whether the heads of queries and keys are normalized (Qwen3, Gemma 3).</param>
/// <param name="Fused">
/// Whether queries, keys and values are one layer, and gate and up are one (Phi-3).
/// </param>
/// <param name="Activation">hidden_act.</param>
/// <param name="Window">sliding_window: how many tokens a windowed layer sees, itself included; 0: all.</param>
/// <param name="Windowed">layer_types: which layers have the window; null: all.</param>
/// <param name="Rope">rope_scaling of the layers without window, or of all if there is one base.</param>
/// <param name="WindowedRopeTheta">
/// rope_local_base_freq: base of the angles in windowed layers, which are not scaled (Gemma 3); null: as the others.
/// </param>
/// <param name="RotaryShare">partial_rotary_factor: which part of a head turns.</param>
/// <param name="ZeroCenteredNorms">Whether norms scale by 1 + w (Gemma).</param>
/// <param name="PostNorms">Whether what attention and MLP give is normalized before it is added (Gemma).</param>
/// <param name="ScaledEmbedding">Whether vectors are multiplied by sqrt(Hidden) (Gemma).</param>
/// <param name="QueryScalar">query_pre_attn_scalar: scores are divided by its root; null: the head's size.</param>
/// <param name="AttentionSoftCap">attn_logit_softcapping: scores are c · tanh(score / c); 0: not.</param>
/// <param name="LogitSoftCap">final_logit_softcapping: the same of logits.</param>
/// <param name="AttentionDropout">attention_dropout: dropout on the weights of attention, in training.</param>
public sealed record DecoderSizes(
    int Vocabulary,
    int Hidden,
    int Intermediate,
    int Layers,
    int Heads,
    int KeyValueHeads,
    int Context = 4096,
    double NormEps = 1e-5,
    double RopeTheta = 10000,
    bool Tied = false,
    int? Head = null,
    bool QkvBias = false,
    bool OutputBias = false,
    bool MlpBias = false,
    bool QkNorms = false,
    bool Fused = false,
    Activation Activation = Activation.Silu,
    int Window = 0,
    IReadOnlyList<bool>? Windowed = null,
    RopeScaling? Rope = null,
    double? WindowedRopeTheta = null,
    double RotaryShare = 1,
    bool ZeroCenteredNorms = false,
    bool PostNorms = false,
    bool ScaledEmbedding = false,
    double? QueryScalar = null,
    double AttentionSoftCap = 0,
    double LogitSoftCap = 0,
    double AttentionDropout = 0)
{
    /// <summary>Reads the config.json of a folder of Hugging Face's.</summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="CheckpointException">
    /// There is none, or it is of a model that this architecture is not: the message says which field.
    /// </exception>
    public static DecoderSizes Read(string directory) =>
        ConfigurationFields.Read(directory, DecoderConfiguration.Read);

    /// <summary>Components of a head.</summary>
    internal int HeadSize => Head ?? Hidden / Heads;

    /// <summary>Components of a head that turn.</summary>
    internal int RotaryWidth => (int)(HeadSize * RotaryShare);

    /// <summary>Whether a layer has the window.</summary>
    internal bool IsWindowed(int layer) => Window > 0 && (Windowed?[layer] ?? true);

    /// <summary>How a layer's attention mixes.</summary>
    internal ScaledAttention Attention(int layer, bool isTraining) => new(
        Causal: true,
        IsWindowed(layer) ? Window : 0,
        QueryScalar is { } scalar && scalar != HeadSize ? 1 / Math.Sqrt(scalar) : null,
        AttentionSoftCap,
        isTraining ? AttentionDropout : 0);
}
