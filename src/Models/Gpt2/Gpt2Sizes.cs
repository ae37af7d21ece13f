namespace Marrow.Models;

/// <summary>The sizes of a <see cref="Gpt2"/>, as its config.json states them.</summary>
/// <param name="Vocabulary">vocab_size.</param>
/// <param name="Hidden">n_embd: width of the residual stream.</param>
/// <param name="Layers">n_layer.</param>
/// <param name="Heads">n_head; divides <paramref name="Hidden"/>.</param>
/// <param name="Context">n_positions: the longest sequence.</param>
/// <param name="Intermediate">n_inner: width inside the MLP; null: 4 · Hidden.</param>
/// <param name="NormEps">layer_norm_epsilon.</param>
/// <param name="Activation">activation_function.</param>
/// <param name="Tied">tie_word_embeddings: whether the output head shares the embedding's weight.</param>
/// <param name="IsScaled">scale_attn_weights: whether scores are divided by the root of the head's size.</param>
/// <param name="IsScaledByLayer">
/// scale_attn_by_inverse_layer_idx: whether scores are divided by the layer's number, from 1, too.
/// </param>
/// <param name="ResidualDropout">resid_pdrop: dropout on what is added to the stream, in training.</param>
/// <param name="EmbeddingDropout">embd_pdrop: dropout on the embedding.</param>
/// <param name="AttentionDropout">attn_pdrop: dropout on the weights of attention.</param>
public sealed record Gpt2Sizes(
    int Vocabulary = 50257,
    int Hidden = 768,
    int Layers = 12,
    int Heads = 12,
    int Context = 1024,
    int? Intermediate = null,
    double NormEps = 1e-5,
    Activation Activation = Activation.GeluTanh,
    bool Tied = true,
    bool IsScaled = true,
    bool IsScaledByLayer = false,
    double ResidualDropout = 0.1,
    double EmbeddingDropout = 0.1,
    double AttentionDropout = 0.1)
{
    /// <summary>Reads the config.json of a folder of Hugging Face's.</summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="CheckpointException">
    /// There is none, or it is of a model that this architecture is not: the message says which field.
    /// </exception>
    public static Gpt2Sizes Read(string directory) => ConfigurationFields.Read(directory, Gpt2Configuration.Read);

    /// <summary>How a layer's attention mixes.</summary>
    internal ScaledAttention Attention(int layer, bool isTraining)
    {
        var scale = IsScaled ? 1 / Math.Sqrt(Hidden / Heads) : 1;
        return new(
            Causal: true,
            Scale: IsScaledByLayer ? scale / (layer + 1) : IsScaled ? null : scale,
            Dropout: isTraining ? AttentionDropout : 0);
    }
}
