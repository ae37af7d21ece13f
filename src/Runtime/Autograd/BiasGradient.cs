using Marrow.Kernels.Memory;
using Marrow.Kernels.Reductions;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>The gradient of a bias. For explicit backwards only: autograd does not see what kernels do.</summary>
internal static class BiasGradient
{
    /// <summary><c>db = Σ dy</c> over rows; in float32 on the CPU in one pass of all threads.</summary>
    /// <param name="dy">Gradient of the output, [n, out].</param>
    /// <returns>db [out].</returns>
    public static Tensor Of(Tensor dy)
    {
        if (!TensorMemory.AreFloats(dy) || !dy.is_contiguous())
        {
            return dy.sum([0]);
        }

        return ColumnSumKernel.Run(dy);
    }
}
