namespace Marrow;

/// <summary>
/// Where the factors of a low-rank adapter start. All but Kaiming need the base's weights: <c>LoadPretrained</c>
/// computes Pissa and Olora, <c>StartLoraGa</c> collects gradients for LoraGa. What they put into the adapter is taken
/// out of the frozen weight, so that the model's output does not change.
/// </summary>
public enum LoraInit
{
    /// <summary>A Kaiming-uniform, B zero (LoRA, arXiv 2106.09685).</summary>
    Kaiming,

    /// <summary>The leading singular triples of W (PiSSA, arXiv 2404.02948).</summary>
    Pissa,

    /// <summary>The leading columns and rows of W = Q R (OLoRA, arXiv 2406.01775).</summary>
    Olora,

    /// <summary>
    /// The leading singular vectors of the loss's gradient (LoRA-GA, arXiv 2407.05000); needs rank ≤ min(in, out) / 2.
    /// </summary>
    LoraGa,
}
