using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// LoRA+ (arXiv 2402.12354): the learning rate of B is a multiple of A's. The rules are those of PEFT's
/// <c>create_loraplus_optimizer</c>: parameters whose name contains lora_B, and vectors, are fast; adapters of
/// embeddings have a rate of their own; fast biases and the parameters of layer norms are not decayed.
/// </summary>
public static class LoraPlus
{
    /// <summary>
    /// The trainable parameters of a model with their rates; what a layer's own ratio says counts too.
    /// </summary>
    /// <param name="module">The model.</param>
    /// <param name="ratio">Rate of the fast parameters as a multiple of the others'.</param>
    /// <param name="embeddingRatio">Rate of embeddings' adapters as a multiple of the others'.</param>
    public static IReadOnlyList<TrainedParameter> Groups(nn.Module module, double ratio, double embeddingRatio = 1)
    {
        var norms = module.named_modules()
            .Where(pair => pair.module is LayerNorm or TorchSharp.Modules.LayerNorm)
            .Select(pair => pair.name + ".")
            .ToList();
        return [.. module.named_parameters().Where(pair => pair.parameter.requires_grad).Select(pair =>
            Group(pair.name, pair.parameter))];

        TrainedParameter Group(string name, Parameter value)
        {
            if (name.Contains("lora_embedding_", StringComparison.Ordinal))
            {
                return new(name, value, RateRatio: embeddingRatio);
            }

            var isFast = name.Contains("lora_B", StringComparison.Ordinal) || value.dim() == 1;
            var isDecayed = !norms.Any(norm => name.StartsWith(norm, StringComparison.Ordinal))
                && !(isFast && name.Contains("bias", StringComparison.Ordinal));
            return new(name, value, isDecayed, isFast ? ratio : 1);
        }
    }
}
