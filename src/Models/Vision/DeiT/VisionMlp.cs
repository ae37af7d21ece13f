using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>Two linear layers with an exact GELU between them.</summary>
/// <param name="dim">Width of input and output.</param>
/// <param name="hidden">Width between.</param>
/// <param name="tokens">Number of tokens.</param>
[Model]
public partial class VisionMlp(int dim, int hidden, int tokens)
{
    /// <summary>Up.</summary>
    [Linear(nameof(dim), nameof(hidden), Tokens = nameof(tokens))]
    public partial Linear Fc1 { get; }

    /// <summary>Down.</summary>
    [Linear(nameof(hidden), nameof(dim), Tokens = nameof(tokens), PositiveInput = true)]
    public partial Linear Fc2 { get; }

    /// <summary>x [..., tokens, dim] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x) => Fc2.call(gelu(Fc1.call(x)));
}
