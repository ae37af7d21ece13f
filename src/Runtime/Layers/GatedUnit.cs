using Marrow.Autograd;
using Marrow.Cuda;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// What a gated MLP puts between its layers (arXiv 2002.05202): <c>a(gate) · up</c> with an activation a. On CUDA it is
/// one pass each way.
/// </summary>
public static class GatedUnit
{
    /// <summary>SwiGLU: <c>gate · sigmoid(gate) · up</c>.</summary>
    /// <param name="gate">[..., n].</param>
    /// <param name="up">As gate; or of a shape and type that go together in a product.</param>
    /// <returns>As gate.</returns>
    public static Tensor Silu(Tensor gate, Tensor up) => Run(gate, up, tanh: false);

    /// <summary>GeGLU with GELU by tanh.</summary>
    /// <param name="gate">[..., n].</param>
    /// <param name="up">As gate; or of a shape and type that go together in a product.</param>
    /// <returns>As gate.</returns>
    public static Tensor GeluTanh(Tensor gate, Tensor up) => Run(gate, up, tanh: true);

    private static Tensor Run(Tensor gate, Tensor up, bool tanh)
    {
        if (!EagerMode.IsOn && gate.dim() > 0 && gate.shape.SequenceEqual(up.shape)
            && CudaGatedUnit.For(gate, up, tanh) is not null)
        {
            return OperationFunction.Run(new GatedOperation(tanh), gate, up);
        }

        using var scope = NewDisposeScope();
        var activated = tanh
            ? nn.functional.gelu(gate, GELU.Approximate.tanh)
            : nn.functional.silu(gate);
        return scope.MoveToOuter(activated * up);
    }

    /// <summary>The kernels' forward and backward. Parts of a wider tensor are read where they lie.</summary>
    private sealed class GatedOperation(bool tanh) : Operation
    {
        public override string Name => "a gated unit";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (gate, up) = (inputs[0]!, inputs[1]!);
            saved.Keep(gate, up);
            return CudaGatedUnit.Forward(CudaGatedUnit.For(gate, up, tanh)!, Rows(gate), Rows(up)).view(gate.shape);
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
        {
            var (gate, up) = (saved[0], saved[1]);
            var gradients = CudaGatedUnit.Backward(
                CudaGatedUnit.For(gate, up, tanh)!, Rows(dy), Rows(gate), Rows(up));
            return [gradients.Gate.view(gate.shape), gradients.Up.view(gate.shape)];
        }

        /// <summary>[rows, n] with each row contiguous; the tensor's own memory where its strides allow that.</summary>
        private static Tensor Rows(Tensor x)
        {
            var rows = x.reshape(-1, x.size(-1));
            return rows.stride(1) == 1 ? rows : rows.contiguous();
        }
    }
}
