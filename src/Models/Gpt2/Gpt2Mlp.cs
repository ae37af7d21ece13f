using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>The MLP of <see cref="Gpt2"/>.</summary>
/// <param name="sizes">The model's sizes.</param>
[Model]
public partial class Gpt2Mlp(Gpt2Sizes sizes)
{
    /// <summary>To the inner width.</summary>
    [Linear("sizes.Hidden", "sizes.Intermediate ?? 4 * sizes.Hidden")]
    public partial Linear CFc { get; }

    /// <summary>Back to the stream.</summary>
    [Linear("sizes.Intermediate ?? 4 * sizes.Hidden", "sizes.Hidden")]
    public partial Linear CProj { get; }

    /// <summary>Dropout on what is added to the stream.</summary>
    [Dropout("sizes.ResidualDropout")]
    public partial Dropout Dropout { get; }

    /// <summary>x [..., hidden] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x) => Dropout.call(CProj.call(sizes.Activation.Apply(CFc.call(x))));
}
