using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>A tensor operation with its own forward and backward. Neither needs to free its temporaries.</summary>
internal abstract class Operation
{
    /// <summary>The name that messages use.</summary>
    public abstract string Name { get; }

    /// <summary>The result; outside autograd.</summary>
    public abstract Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs);

    /// <summary>One gradient for each input; null where there is none.</summary>
    public abstract IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy);
}

/// <summary>
/// Joins an <see cref="Operation"/> to autograd as one node, with the same care for temporaries and exceptions as
/// <see cref="LayerFunction"/>.
/// </summary>
internal sealed class OperationFunction : autograd.SingleTensorFunction<OperationFunction>
{
    private const string OperationKey = "operation", InputsKey = "inputs";

    /// <inheritdoc/>
    public override string Name => "Marrow.Operation";

    /// <summary>Runs an operation; inputs may be null. The result belongs to the caller's dispose scope.</summary>
    public static Tensor Run(Operation operation, params IReadOnlyList<Tensor?> inputs)
    {
        ReturnedGradients.Free();
        using var scope = NewDisposeScope();
        var records = is_grad_enabled() && inputs.Any(input => input is { requires_grad: true });
        // Views give each gradient a tensor of its own, as in LayerFunction.
        return scope.MoveToOuter(records
            ? apply([operation, inputs.Select(input => input is not null).ToArray(),
                .. inputs.OfType<Tensor>().Select(input => input.view(input.shape))])
            : operation.Forward(new Saved(needsInput: false), inputs));
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (operation, present) = ((Operation)vars[0], (bool[])vars[1]);
        var given = new Queue<Tensor>(vars.Skip(2).Cast<Tensor>());
        var saved = new Saved(needsInput: true);
        var y = operation.Forward(saved, [.. present.Select(isPresent => isPresent ? given.Dequeue() : null)]);
        ctx.save_for_backward([.. saved.Kept!]);
        ctx.save_data(OperationKey, operation);
        ctx.save_data(InputsKey, present);
        ctx.set_materialize_grads(false);
        return y;
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        ReturnedGradients.Free();
        var (operation, present) = ((Operation)ctx.get_data(OperationKey), (bool[])ctx.get_data(InputsKey));
        var results = new List<Tensor>(new Tensor[2 + present.Count(isPresent => isPresent)]);
        using var scope = NewDisposeScope();
        using var dy = grad_output.DetachFromDisposeScope();
        if (dy.IsInvalid)
        {
            return results;
        }

        try
        {
            if (is_grad_enabled())
            {
                throw new NotSupportedException("Second derivatives (create_graph) are not available.");
            }

            var gradients = operation.Backward(new Saved(needsInput: true, ctx.get_saved_variables()), dy.contiguous());
            var next = 2;
            for (var i = 0; i < present.Length; i++)
            {
                if (present[i])
                {
                    results[next++] = gradients[i] is { } gradient ? ReturnedGradients.Hand(gradient) : null!;
                }
            }
        }
        catch (Exception fault)
        {
            BackwardFault.Report(operation.Name, fault, results, first: 2);
        }

        return results;
    }
}
