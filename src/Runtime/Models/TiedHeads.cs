using Marrow.Layers;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// Output heads that share an embedding's weight, where one of the two is to change and the other is not: the head
/// gets a copy of the weight, as PEFT does it, and the model is saved with two weights (tie_word_embeddings false).
/// </summary>
internal static class TiedHeads
{
    /// <summary>The field of config.json that says whether head and embedding share a weight.</summary>
    public const string Field = "tie_word_embeddings";

    /// <summary>Whether the head of a model that shares a weight by its class has one of its own.</summary>
    public static bool AreUntied(this IModel model) =>
        model.Module.modules().Any(module => module is Linear { WasTied: true });

    /// <summary>Gives heads weights of their own.</summary>
    public static void Untie(this IModel model, IEnumerable<TiedLinear> heads) =>
        new ModuleExchange(model.Module).Replace(
            heads.ToDictionary(nn.Module (head) => head, nn.Module (head) => Untied(head)));

    /// <summary>The layer that takes a head's place.</summary>
    public static Linear Untied(TiedLinear head)
    {
        using var noGrad = no_grad();
        var shared = head.Weight;
        var layer = new Linear(new LinearSite(
            head.LayerName, head.InFeatures, head.OutFeatures, HasBias: false, null, PositiveInput: false, shared.dtype,
            META))
        {
            IsHead = true,
            WasTied = true,
        };
        layer.Weight.Dispose();
        ((IComponents)layer).Replace("weight", ComponentMoves.Owned(shared.clone(), shared.requires_grad));
        layer.train(head.training);
        return layer;
    }
}
