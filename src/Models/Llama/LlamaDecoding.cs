using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>A running decoding of a LLaMA: the keys and values of all tokens so far.</summary>
/// <param name="model">The model.</param>
/// <param name="batch">How many sequences.</param>
internal sealed class LlamaDecoding(Llama model, int batch) : Decoding(batch)
{
    private readonly List<KeyValueCache> layers =
        [.. model.Layers.Select(_ => new KeyValueCache(model.Context!.Value))];

    private protected override Tensor Run(Tensor ids) => model.Decode(ids, Length, layers);

    private protected override void KeepRows(Tensor rows) => layers.ForEach(layer => layer.Keep(rows));

    /// <inheritdoc/>
    public override void Dispose() => layers.ForEach(layer => layer.Dispose());
}
