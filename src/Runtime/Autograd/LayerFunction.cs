using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// Joins a layer's own forward and backward to autograd as one node. Everything that TorchSharp's custom functions
/// leave to their authors is handled here, once: temporaries, results that must outlive a scope, wrappers that
/// autograd makes and nobody owns, the spare output that each node keeps, and exceptions in a backward, which would
/// end the process.
/// </summary>
internal sealed class LayerFunction : autograd.SingleTensorFunction<LayerFunction>
{
    private const string CallKey = "call";

    /// <inheritdoc/>
    public override string Name => "Marrow.Layer";

    /// <summary>Runs a layer on x [..., in]; the result [..., out] belongs to the caller's dispose scope.</summary>
    /// <exception cref="ArgumentException">x does not suit the layer.</exception>
    public static Tensor Run(IExplicitLayer layer, Tensor x)
    {
        ReturnedGradients.Free();
        var call = new LayerCall(layer, x);
        // Temporaries go when the call is over and not before: what is kept must live until autograd has taken it.
        using var scope = NewDisposeScope();
        // Views are made under autograd. That of y could not be changed in place otherwise. Those of x and the
        // parameters give each gradient a tensor of its own on the way back; where autograd finds that somebody else
        // holds a gradient, as ReturnedGradients does, it copies it to accumulate it.
        var rows = x.reshape(x.numel() / layer.InFeatures, layer.InFeatures).contiguous();
        var y = call.Records
            ? apply([call, rows, .. call.Parameters.Select(parameter => parameter.view(parameter.shape))])
            : layer.Forward(new Saved(needsInput: false), rows);
        return scope.MoveToOuter(x.dim() == 2 ? y : y.view([.. x.shape[..^1], y.size(1)]));
    }

    /// <inheritdoc/>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var call = (LayerCall)vars[0];
        var saved = new Saved(call.NeedsInput);
        var y = call.Layer.Forward(saved, (Tensor)vars[1]);
        // Autograd refuses the backward when a parameter that it keeps has been changed in place since.
        ctx.save_for_backward([.. saved.Kept!, .. vars.Skip(2).Cast<Tensor>()]);
        ctx.save_data(CallKey, call);
        // An undefined gradient stays undefined; TorchSharp would need the spare output to fill it with zeros.
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
        var call = (LayerCall)ctx.get_data(CallKey);
        using var scope = NewDisposeScope();
        using var dy = output.DetachFromDisposeScope();
        try
        {
            return call.Backward(dy, ctx.get_saved_variables);
        }
        catch (Exception fault)
        {
            (message, var gradients) = call.Refuse(fault, dy);
            return gradients;
        }
    }
}
