using static TorchSharp.torch;

namespace Marrow;

/// <summary>Training cannot go on: where, and what to do.</summary>
/// <param name="message">One sentence.</param>
/// <param name="inner">The cause.</param>
public sealed class TrainingException(string message, Exception? inner = null) : Exception(message, inner)
{
    private const string Remedy =
        "The parameters are still those before this step; lower the learning rate, clip gradients, or check the data";

    /// <summary>For a loss that is not finite: names the parameter or the layer where it began.</summary>
    /// <param name="step">The step.</param>
    /// <param name="module">The model.</param>
    /// <param name="forward">The forward pass that gave the loss; it is run once more.</param>
    public static TrainingException OfLoss(long step, nn.Module module, Action forward)
    {
        using var noGrad = no_grad();
        var parameter = module.named_parameters()
            .Where(pair => !IsFinite(pair.parameter))
            .Select(pair => pair.name)
            .FirstOrDefault();
        if (parameter is not null)
        {
            return new($"Step {step}: parameter '{parameter}' holds NaN or infinity. {Remedy}.");
        }

        string? first = null;
        var hooks = new List<Action>();
        foreach (var layer in module.modules().OfType<Layer>())
        {
            var hook = layer.register_forward_hook((_, _, output) =>
            {
                first ??= IsFinite(output) ? null : layer.LayerName;
                return output;
            });
            hooks.Add(hook.remove);
        }

        try
        {
            forward();
        }
        catch (ArithmeticException fault)
        {
            return new($"Step {step}: {fault.Message} {Remedy}.", fault);
        }
        finally
        {
            hooks.ForEach(remove => remove());
        }

        var found = first is null
            ? "every layer's output is finite"
            : $"layer '{first}' is the first whose output is not finite";
        return new($"Step {step}: the loss is NaN or infinite; {found}. {Remedy}.");
    }

    /// <summary>
    /// For gradients that are not finite: names the first such parameter, from the output back; null if all are finite.
    /// </summary>
    public static TrainingException? OfGradients(long step, nn.Module module)
    {
        var name = module.named_parameters()
            .Reverse()
            .Where(pair => pair.parameter.grad is { } gradient && !IsFinite(gradient))
            .Select(pair => pair.name)
            .FirstOrDefault();
        return name is null ? null : new($"Step {step}: the gradient of '{name}' holds NaN or infinity. {Remedy}.");
    }

    private static bool IsFinite(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.isfinite().all().item<bool>();
    }
}
