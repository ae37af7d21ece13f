using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Autograd;

/// <summary>Compares gradients with central differences, in float64.</summary>
internal static class GradCheck
{
    private const double Step = 1e-5, Tolerance = 1e-7;

    /// <summary>Checks d/dt of Σ f() ∘ P for every entry of every tensor t, P a fixed random projection.</summary>
    /// <param name="function">Reads the tensors; must give the same output for the same values.</param>
    /// <param name="tensors">Leaves in float64 that require gradients, with their names.</param>
    public static void Run(Func<Tensor> function, params (string Name, Tensor Value)[] tensors)
    {
        using var scope = NewDisposeScope();
        foreach (var (_, value) in tensors) value.grad = null;
        var output = function();
        var projection = randn(output.shape, dtype: float64);
        output.backward([projection]);
        foreach (var (name, value) in tensors)
        {
            Assert.True(value.grad is not null, $"no gradient for {name}");
            var (analytic, numeric) = (value.grad!.data<double>().ToArray(), Differences(function, projection, value));
            for (var i = 0; i < numeric.Length; i++)
                Assert.True(
                    Math.Abs(analytic[i] - numeric[i]) <= Tolerance * Math.Max(1, Math.Abs(numeric[i])),
                    $"gradient of {name} at {i}: {analytic[i]}, by differences {numeric[i]}");
        }
    }

    private static double[] Differences(Func<Tensor> function, Tensor projection, Tensor value)
    {
        using var noGrad = no_grad();
        var entries = value.view(-1);
        var differences = new double[value.numel()];
        for (var i = 0; i < differences.Length; i++)
        {
            var original = entries[i].item<double>();
            differences[i] = (At(original + Step) - At(original - Step)) / (2 * Step);
            At(original);

            double At(double moved)
            {
                using var scope = NewDisposeScope();
                entries[i] = moved;
                return (function() * projection).sum().item<double>();
            }
        }

        return differences;
    }
}
