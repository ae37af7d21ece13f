using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>One block of 512 under a vocabulary of 32,000.</summary>
[Lora(Rank = 8)]
internal sealed partial class WideVocabulary() : Llama(
    vocabulary: 32000, hidden: 512, intermediate: 1408, layers: 1, heads: 8, keyValueHeads: 8, context: 2048);

/// <summary>A training step on 4,096 tokens, whose logits take 500 MiB in float32.</summary>
internal sealed class LossStep : IDisposable
{
    public const string Name = "loss", Size = "1 block of 512, vocabulary of 32,000, 4,096 tokens";

    private readonly WideVocabulary model = new();
    private readonly Tensor ids = randint(32000, [2, 2048], dtype: int64);

    public LossStep()
    {
        foreach (var parameter in model.parameters().Except(model.AdapterParameters()))
        {
            parameter.requires_grad = false;
        }
    }

    public void Dispose()
    {
        model.Dispose();
        ids.Dispose();
    }

    /// <summary>"parts" as trainings do it, or "whole" with all logits at once.</summary>
    public Action Way(string name) => () =>
    {
        using var scope = NewDisposeScope();
        (name == "whole"
            ? CausalHead.Loss(model, ids, ids, -100, ids.numel(), long.MaxValue)
            : CausalHead.Loss(model, ids, ids, -100, ids.numel())).backward();
    };
}
