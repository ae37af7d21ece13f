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
            ? apply([operation, inputs.Select(input => input?.shape).ToArray(),
                .. inputs.OfType<Tensor>().Select(input => input.view(input.shape))])
            : operation.Forward(new Saved(needsInput: false), inputs));
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (operation, shapes) = ((Operation)vars[0], (long[]?[])vars[1]);
        var given = new Queue<Tensor>(vars.Skip(2).Cast<Tensor>());
        var saved = new Saved(needsInput: true);
        var y = operation.Forward(saved, [.. shapes.Select(shape => shape is null ? null : given.Dequeue())]);
        ctx.save_for_backward([.. saved.Kept!]);
        ctx.save_data(OperationKey, operation);
        ctx.save_data(InputsKey, shapes);
        ctx.set_materialize_grads(false);
        return y;
    }

    /// <inheritdoc/>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var message = BackwardFault.Take();
        var gradients = Gradients(ctx, grad_output, ref message);
        BackwardFault.Leave(message);
        return gradients;
    }

    private static List<Tensor> Gradients(autograd.AutogradContext ctx, Tensor output, ref string? message)
    {
        ReturnedGradients.Free();
        var (operation, shapes) = ((Operation)ctx.get_data(OperationKey), (long[]?[])ctx.get_data(InputsKey));
        var results = new List<Tensor>(new Tensor[2 + shapes.Count(shape => shape is not null)]);
        using var scope = NewDisposeScope();
        using var dy = output.DetachFromDisposeScope();
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
            for (var i = 0; i < shapes.Length; i++)
            {
                if (shapes[i] is not null)
                {
                    results[next++] = gradients[i] is { } gradient ? ReturnedGradients.Hand(gradient) : null!;
                }
            }
        }
        catch (Exception fault)
        {
            (message, results) = BackwardFault.Report(
                operation.Name, fault, [null, null, .. shapes.Where(shape => shape is not null)], dy);
        }

        return results;
    }
}
