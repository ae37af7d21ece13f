using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Gradient descent with momentum: <c>g' = g + decay w</c>, <c>v = momentum v + g'</c>, <c>w −= rate v</c>; no damping,
/// no Nesterov.
/// </summary>
/// <param name="parameters">What it moves.</param>
/// <param name="momentum">Momentum.</param>
/// <param name="weightDecay">L2 decay.</param>
public sealed class Sgd(IReadOnlyList<TrainedParameter> parameters, double momentum = 0, double weightDecay = 0)
    : Optimizer(parameters)
{
    private protected override void Step(
        TrainedParameter parameter, Tensor weight, Tensor gradient, double rate, Tensor? frozen)
    {
        var update = parameter.IsDecayed && weightDecay != 0 ? gradient.add(weight, alpha: weightDecay) : gradient;
        if (momentum != 0)
        {
            update = StateOf(parameter, "momentum").mul_(momentum).add_(update);
        }

        if (frozen is null)
        {
            weight.add_(update, alpha: -rate);
        }
        else
        {
            weight.copy_(where(frozen, weight, weight.add(update, alpha: -rate)));
        }
    }
}
