using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The gated MLP of <see cref="Decoder"/>: <c>down(activation(gate x) · up x)</c> (arXiv 2002.05202).
/// </summary>
/// <param name="hidden">Width of the residual stream.</param>
/// <param name="intermediate">Width inside the MLP.</param>
/// <param name="activation">What gates.</param>
/// <param name="bias">Whether the layers have a bias.</param>
/// <param name="fused">Whether gate and up are one layer.</param>
[Model]
public partial class DecoderMlp(int hidden, int intermediate, Activation activation, bool bias, bool fused)
{
    /// <summary>The gate.</summary>
    [Linear(nameof(hidden), nameof(intermediate), Bias = nameof(bias), When = "!fused")]
    public partial Linear? GateProj { get; }

    /// <summary>What is gated.</summary>
    [Linear(nameof(hidden), nameof(intermediate), Bias = nameof(bias), When = "!fused")]
    public partial Linear? UpProj { get; }

    /// <summary>Both, the gate first.</summary>
    [Linear(nameof(hidden), "2 * intermediate", Bias = nameof(bias), When = nameof(fused))]
    public partial Linear? GateUpProj { get; }

    /// <summary>Back to the stream.</summary>
    [Linear(nameof(intermediate), nameof(hidden), Bias = nameof(bias))]
    public partial Linear DownProj { get; }

    /// <summary>x [..., hidden] to the same shape.</summary>
    [Forward]
    private Tensor Network(Tensor x)
    {
        if (GateUpProj?.call(x).chunk(2, -1) is [var gate, var up])
        {
            return DownProj.call(activation.Gate(gate, up));
        }

        return DownProj.call(activation.Gate(GateProj!.call(x), UpProj!.call(x)));
    }
}
