using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Models;

/// <summary>The gated MLP of <see cref="Llama"/>: <c>down(silu(gate x) · up x)</c>.</summary>
/// <param name="hidden">Width of the residual stream.</param>
/// <param name="intermediate">Width inside the MLP.</param>
[Model]
public partial class LlamaMlp(int hidden, int intermediate)
{
    /// <summary>The gate.</summary>
    [Linear(nameof(hidden), nameof(intermediate), Bias = false)]
    public partial Linear GateProj { get; }

    /// <summary>What is gated.</summary>
    [Linear(nameof(hidden), nameof(intermediate), Bias = false)]
    public partial Linear UpProj { get; }

    /// <summary>Back to the stream.</summary>
    [Linear(nameof(intermediate), nameof(hidden), Bias = false)]
    public partial Linear DownProj { get; }

    /// <summary>x [..., hidden] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x) => DownProj.call(silu(GateProj.call(x)) * UpProj.call(x));
}
