using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// Joins an adapted layer's own forward and backward to autograd as one node. Everything that TorchSharp's custom
/// functions leave to their authors is handled here, once: temporaries, results that must outlive a scope, wrappers
/// that autograd makes and nobody owns, and exceptions, which would end the process without a word.
/// </summary>
internal sealed class LayerFunction : autograd.SingleTensorFunction<LayerFunction>
{
    // The native side reads returned gradients after backward has returned, so they are freed one call later.
    [ThreadStatic]
    private static List<Tensor>? parked;

    public override string Name => "Marrow.AdaptedLinear";

    /// <summary>Runs a layer on x [..., in]; the result [..., out] belongs to the caller's dispose scope.</summary>
    public static Tensor Run(AdaptedLinear layer, Tensor x, IReadOnlyList<Parameter> parameters)
    {
        using var scope = NewDisposeScope();
        var records = is_grad_enabled() && (x.requires_grad || parameters.Any(parameter => parameter.requires_grad));
        return scope.MoveToOuter(records
            ? apply([layer, x, .. parameters])
            : Forward(layer, x, new Saved(needsInput: false)));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (layer, x) = ((AdaptedLinear)vars[0], (Tensor)vars[1]);
        var saved = new Saved(x.requires_grad);
        var y = Forward(layer, x, saved);

        // An undefined gradient stays undefined; without this each node would keep a spare output for zeros.
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([.. saved.Kept]);
        ctx.save_data("call", new Call(layer, x.shape, saved.NeedsInput, vars.Length));
        return y;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        parked?.ForEach(tensor => tensor.Dispose());
        parked = [];
        var call = (Call)ctx.get_data("call");
        var results = new List<Tensor>(new Tensor[call.Arguments]);
        if (grad_output.IsInvalid)
        {
            return results;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        try
        {
            var kept = ctx.get_saved_variables();
            scope.Attach(kept);
            var gradients = call.Layer.RunBackward(
                new Saved(call.NeedsInput, kept), grad_output.reshape(-1, call.Layer.OutFeatures));
            results[1] = gradients.Input?.reshape(call.Shape)!;
            for (var i = 0; i < gradients.Parameters.Length; i++)
            {
                results[2 + i] = gradients.Parameters[i];
            }
        }
        catch (Exception fault)
        {
            Console.Error.WriteLine($"Marrow: the backward pass of layer '{call.Layer.LayerName}' failed: {fault.Message}");
            throw;
        }

        foreach (var result in results.Where(result => result is not null))
        {
            result.DetachFromDisposeScope();
            parked.Add(result);
        }

        grad_output.Dispose();
        return results;
    }

    private static Tensor Forward(AdaptedLinear layer, Tensor x, Saved saved)
    {
        var shape = x.shape;
        if (shape.Length == 0 || shape[^1] != layer.InFeatures)
        {
            throw new ArgumentException(
                $"Layer '{layer.LayerName}' takes {layer.InFeatures} features in the last dimension; the input is [{string.Join(", ", shape)}].", nameof(x));
        }

        var y = layer.RunForward(saved, x.reshape(-1, layer.InFeatures));
        return shape.Length == 2 ? y : y.view([.. shape[..^1], layer.OutFeatures]);
    }

    private sealed record Call(AdaptedLinear Layer, long[] Shape, bool NeedsInput, int Arguments);
}
