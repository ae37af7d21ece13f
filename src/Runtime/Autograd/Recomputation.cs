using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// A function of which autograd keeps the inputs alone: the backward runs it again, with the same random numbers, and
/// then backward. Gradients of parameters inside are added to them then.
/// </summary>
/// <param name="name">What messages call it.</param>
/// <param name="function">The function.</param>
/// <param name="inputs">Its inputs.</param>
internal sealed class Recomputation(string name, Func<Tensor[], Tensor> function, Tensor[] inputs) : Operation
{
    private readonly bool[] wanted = [.. inputs.Select(input => input.requires_grad)];
    private readonly bool isEager = EagerMode.IsOn;
    private Tensor? random;

    /// <inheritdoc/>
    public override string Name => name;

    /// <summary>Runs the function on its inputs.</summary>
    public Tensor Run()
    {
        if (!is_grad_enabled())
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
        random = get_rng_state().DetachFromDisposeScope();
        saved.Keep([.. inputs.Skip(1)]);
        return function([.. inputs.Skip(1).Select(input => input!)]);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
    {
        using var grad = enable_grad();
        using var eager = isEager ? new EagerMode() : null;
        var own = Enumerable.Range(0, wanted.Length).Select(i => saved[i].detach().requires_grad_(wanted[i])).ToArray();
        var later = get_rng_state();
        set_rng_state(random!);
        random!.Dispose();
        var y = function(own);
        set_rng_state(later);
        y.backward([dy]);
        return [null, .. own.Select((input, i) => wanted[i] ? input.grad : null)];
    }
}
