using Marrow.Autograd;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Compares a model's fused layers with their plain formulas under autograd.</summary>
public static class EagerVerification
{
    /// <summary>
    /// Runs the model twice on the same input, fused and plain, forward and backward, in evaluation mode, and
    /// returns the largest differences. Gradients are those of a fixed random projection of the output.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">Its inputs; floating-point ones get gradients compared too.</param>
    public static EagerDifference VerifyAgainstEager(this IModel model, params Tensor[] inputs)
    {
        var module = model.Module;
        var wasTraining = module.training;
        module.eval();
        try
        {
            using var scope = NewDisposeScope();
            var fused = Run(model, inputs);
            Dictionary<string, Tensor> plain;
            using (new EagerMode())
            {
                plain = Run(model, inputs);
            }

            // A parameter that autograd gives no gradient has the gradient zero.
            var differences = fused.ToDictionary(
                pair => pair.Key,
                pair => (plain.TryGetValue(pair.Key, out var other) ? pair.Value - other : pair.Value).abs().max().to(
                    float64).item<double>());
            return new EagerDifference(
                differences[""],
                plain[""].abs().max().to(float64).item<double>(),
                differences.Where(pair => pair.Key.Length > 0).ToDictionary());
        }
        finally
        {
            module.train(wasTraining);
        }
    }

    /// <summary>The output under "", and the gradients of trainable parameters and inputs under their names.</summary>
    private static Dictionary<string, Tensor> Run(IModel model, Tensor[] inputs)
    {
        var own = inputs
            .Select(input => input.is_floating_point() ? input.detach().clone().requires_grad_() : input)
            .ToArray();
        var output = Call(model, own);
        using var generator = new Generator(0, output.device);
        var projection = randn(output.shape, dtype: output.dtype, device: output.device, generator: generator);
        var targets = model.Module.named_parameters()
            .Where(pair => pair.parameter.requires_grad)
            .Select(pair => (pair.name, (Tensor)pair.parameter))
            .Concat(own.Select((input, i) => (name: $"input {i}", input)).Where(pair => pair.input.requires_grad))
            .ToList();
        var gradients = targets.Count == 0
            ? []
            : autograd.grad([(output * projection).sum()], [.. targets.Select(pair => pair.Item2)], allow_unused: true);
        var results = new Dictionary<string, Tensor> { [""] = output.detach() };
        foreach (var ((name, _), gradient) in targets.Zip(gradients))
        {
            if (gradient is { IsInvalid: false })
            {
                results[name] = gradient;
            }
        }

        return results;
    }

    private static Tensor Call(IModel model, Tensor[] inputs) => (model, inputs) switch
    {
        (nn.Module<Tensor, Tensor> one, [var x]) => one.call(x),
        (nn.Module<Tensor, Tensor, Tensor> two, [var x, var y]) => two.call(x, y),
        (nn.Module<Tensor, Tensor, Tensor, Tensor> three, [var x, var y, var z]) => three.call(x, y, z),
        _ => throw new ArgumentException(
            $"{model.GetType().Name} does not map {inputs.Length} tensors to one tensor, "
            + "so it cannot be compared here.",
            nameof(inputs)),
    };
}

/// <summary>How far the fused code is from the plain formulas.</summary>
/// <param name="Output">Largest absolute difference of the outputs.</param>
/// <param name="LargestOutput">Largest absolute entry of the output, to judge it by.</param>
/// <param name="Gradients">Largest absolute difference of each gradient, by parameter name or "input 0".</param>
public sealed record EagerDifference(
    double Output, double LargestOutput, IReadOnlyDictionary<string, double> Gradients)
{
    /// <summary>Largest difference of any gradient.</summary>
    public double LargestGradient => Gradients.Count == 0 ? 0 : Gradients.Values.Max();
}
