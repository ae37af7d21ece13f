using System.Globalization;
using Marrow.Autograd;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>Compares a model's fused layers with their plain formulas under autograd.</summary>
public static class EagerVerification
{
    /// <summary>
    /// Runs the model twice on the same input, fused and plain, forward and backward, in evaluation mode, and
    /// returns the largest differences. Gradients are those of a fixed random projection of the outputs.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="inputs">
    /// Its inputs; floating-point tensors get gradients compared too, null is an input that is left out.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The model takes another number of inputs, or its result holds no tensor.
    /// </exception>
    public static EagerDifference VerifyAgainstEager(this IModel model, params object?[]? inputs)
    {
        var module = model.Module;
        var wasTraining = module.training;
        module.eval();
        try
        {
            using var scope = NewDisposeScope();
            var given = inputs ?? [null];
            var fused = Run(model, given);
            Passed plain;
            using (new EagerMode())
            {
                plain = Run(model, given);
            }

            return new EagerDifference(
                Differences(fused.Outputs, plain.Outputs),
                plain.Outputs.Values.Max(Largest),
                Differences(fused.Gradients, plain.Gradients));
        }
        finally
        {
            module.train(wasTraining);
        }
    }

    /// <summary>A parameter that autograd gives no gradient has the gradient zero.</summary>
    private static Dictionary<string, double> Differences(
        Dictionary<string, Tensor> fused, Dictionary<string, Tensor> plain) =>
        fused.Keys.Union(plain.Keys).ToDictionary(
            name => name,
            name => Largest((fused.GetValueOrDefault(name), plain.GetValueOrDefault(name)) switch
            {
                ({ } one, { } other) => one.to(float64) - other.to(float64),
                var (one, other) => one ?? other!,
            }));

    private static double Largest(Tensor values) =>
        values.numel() == 0 ? 0 : values.to(float64).abs().max().item<double>();

    private static Passed Run(IModel model, object?[] inputs)
    {
        var own = inputs
            .Select(input => input is Tensor tensor && tensor.is_floating_point()
                ? tensor.detach().clone().requires_grad_()
                : input)
            .ToArray();
        var outputs = ResultTensors.In(model.Call(own)).ToList();
        if (outputs.Count == 0)
        {
            throw new ArgumentException(
                $"The result of {model.GetType().Name} holds no tensor that could be compared.", nameof(model));
        }

        var targets = model.Module.named_parameters()
            .Where(pair => pair.parameter.requires_grad)
            .Select(pair => (pair.name, (Tensor)pair.parameter))
            .Concat(own.Select((input, i) => (name: $"input {i}", tensor: (input as Tensor)!)).Where(pair =>
                pair.tensor is { requires_grad: true }))
            .ToList();
        var terms = outputs
            .Where(output => output.Tensor.requires_grad)
            .Select((output, i) => Projection(output.Tensor, (ulong)i))
            .ToList();
        return new(
            outputs.ToDictionary(output => output.Path, output => output.Tensor.detach()),
            targets.Count == 0 || terms.Count == 0
                ? []
                : Gradients(terms.Aggregate((sum, term) => sum + term), targets));
    }

    /// <summary>
    /// The gradients that a backward leaves, as in training: a recomputed block hands its parameters theirs itself, so
    /// <c>autograd.grad</c> would not see them. What the parameters had before they have again.
    /// </summary>
    private static Dictionary<string, Tensor> Gradients(Tensor loss, List<(string Name, Tensor Value)> targets)
    {
        var former = targets.ConvertAll(target => target.Value.grad);
        try
        {
            foreach (var (_, value) in targets)
            {
                value.grad = null;
            }

            loss.backward();
            var found = new Dictionary<string, Tensor>();
            foreach (var (name, value) in targets)
            {
                if (value.grad is { } gradient)
                {
                    found.Add(name, gradient);
                }
            }

            return found;
        }
        finally
        {
            for (var i = 0; i < targets.Count; i++)
            {
                targets[i].Value.grad = former[i];
            }
        }
    }

    private static Tensor Projection(Tensor output, ulong seed)
    {
        using var generator = new Generator(seed, output.device);
        return (output * randn(output.shape, dtype: output.dtype, device: output.device, generator: generator)).sum();
    }

    /// <summary>The outputs of a pass, and the gradients of trainable parameters and inputs, by name.</summary>
    private sealed record Passed(Dictionary<string, Tensor> Outputs, Dictionary<string, Tensor> Gradients);
}

/// <summary>How far the fused code is from the plain formulas.</summary>
/// <param name="Outputs">
/// Largest absolute difference of each tensor of the result, by the way to it: <c>Logits</c>, <c>States[0]</c>, or ""
/// for a result that is one tensor.
/// </param>
/// <param name="LargestOutput">Largest absolute entry of the outputs, to judge them by.</param>
/// <param name="Gradients">Largest absolute difference of each gradient, by parameter name or "input 0".</param>
public sealed record EagerDifference(
    IReadOnlyDictionary<string, double> Outputs, double LargestOutput, IReadOnlyDictionary<string, double> Gradients)
{
    /// <summary>Largest difference of any output.</summary>
    public double Output => Outputs.Values.Max();

    /// <summary>Largest difference of any gradient.</summary>
    public double LargestGradient => Gradients.Count == 0 ? 0 : Gradients.Values.Max();

    /// <summary>The largest differences, and where they are.</summary>
    public override string ToString()
    {
        var outputs = Outputs.Count == 1
            ? ""
            : $": {string.Join(", ", Outputs.Select(output => $"{output.Key} {Number(output.Value)}"))}";
        var gradients = Gradients.Count == 0
            ? "no gradients to compare"
            : $"gradients differ by at most {Number(LargestGradient)}, at '{Gradients.MaxBy(pair => pair.Value).Key}' "
                + $"({Gradients.Count} compared)";
        return $"outputs differ by at most {Number(Output)}, of {Number(LargestOutput)}{outputs}; {gradients}";
    }

    private static string Number(double value) => value.ToString("G3", CultureInfo.InvariantCulture);
}
