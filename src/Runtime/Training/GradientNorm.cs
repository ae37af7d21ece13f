using static TorchSharp.torch;

namespace Marrow;

/// <summary>The norm of all gradients together (arXiv 1211.5063, section 3.2), on their device.</summary>
internal static class GradientNorm
{
    private const double Epsilon = 1e-6; // PyTorch's clip_grad_norm_

    /// <summary>Scales gradients so that their norm is at most the given one.</summary>
    /// <param name="parameters">Those without a gradient are left out.</param>
    /// <param name="most">The largest norm; 0: none.</param>
    /// <returns>The norm before, a scalar; the CPU has not waited for it.</returns>
    public static Tensor Clip(IReadOnlyList<TrainedParameter> parameters, double most)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gradients = parameters.Select(parameter => parameter.Value.grad).OfType<Tensor>().ToList();
        if (gradients.Count == 0)
        {
            return scope.MoveToOuter(zeros([], dtype: ScalarType.Float32, device: CPU));
        }

        var norm = stack([.. gradients.Select(Norm)]).norm(2f);
        if (most > 0)
        {
            var share = (most / (norm + Epsilon)).clamp_max(1);
            gradients.ForEach(gradient => gradient.mul_(share));
        }

        return scope.MoveToOuter(norm);
    }

    /// <summary>In 32 bits for a gradient of 16.</summary>
    private static Tensor Norm(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(gradient.to(Optimizer.StateType(gradient)).norm(2f));
    }
}
