using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// A function of which autograd keeps the inputs alone: the backward runs it again, with the same random numbers, and
/// then backward. Gradients of parameters inside are added to them then.
/// </summary>
/// <param name="name">What messages call it.</param>
/// <param name="function">The function.</param>
/// <param name="inputs">Its inputs.</param>
/// <param name="isTrained">Whether a parameter inside wants a gradient.</param>
internal sealed class Recomputation(
    string name, Func<Tensor[], Tensor> function, Tensor[] inputs, bool isTrained) : Operation
{
    private readonly bool[] wanted = [.. inputs.Select(input => input.requires_grad)];
    private readonly bool isEager = EagerMode.IsOn;
    private readonly Device device = inputs.Length > 0 ? inputs[0].device : CPU;

    /// <inheritdoc/>
    public override string Name => name;

    /// <summary>Runs the function on its inputs.</summary>
    public Tensor Run()
    {
        if (!is_grad_enabled() || !(isTrained || wanted.Contains(true)))
        {
            return function(inputs);
        }

        // The spare input makes autograd record the call also where only parameters inside want gradients.
        using var scope = NewDisposeScope();
        var spare = zeros(0, requires_grad: true);
        return scope.MoveToOuter(OperationFunction.Run(this, [spare, .. inputs]));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
    {
        saved.Keep([.. inputs.Skip(1), RandomState.Start(device)]);
        return function([.. inputs.Skip(1).Select(input => input!)]);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
    {
        using var grad = enable_grad();
        using var eager = isEager ? new EagerMode() : null;
        var own = Enumerable.Range(0, wanted.Length).Select(i => saved[i].detach().requires_grad_(wanted[i])).ToArray();
        var y = RandomState.Again(saved[wanted.Length], device, () => function(own));
        if (y.requires_grad)
        {
            y.backward([dy]);
        }

        return [null, .. own.Select((input, i) => wanted[i] ? input.grad : null)];
    }
}
