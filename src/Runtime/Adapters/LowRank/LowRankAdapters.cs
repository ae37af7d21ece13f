using static TorchSharp.torch;

namespace Marrow;

/// <summary>What only adapters of LoRA's family offer.</summary>
public static class LowRankAdapters
{
    /// <summary>
    /// Saves low-rank adapters as plain ones on the original base, whatever they were initialized with: <c>s (B A − B₀
    /// A₀) = s [B, −B₀] [A; A₀]</c>, with twice the rank if that took something out of the base. Loads without it, also
    /// in PEFT.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">The folder; see <see cref="PeftAdapters.SaveAdapter"/>.</param>
    /// <exception cref="InvalidOperationException">The model has no adapter, adapters of different kinds, or none of
    /// LoRA's family.</exception>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SaveAdapterAsLora(this IModel model, string directory)
    {
        if (PeftAdapters.OneKind(model) is not LoraSettings)
        {
            throw new InvalidOperationException(
                $"The adapters of {model.GetType().Name} are not of LoRA's family; use SaveAdapter.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        PeftAdapters.Write(model, directory, state => ((LoraSettings)state.Settings).AsLora(state));
    }
}
