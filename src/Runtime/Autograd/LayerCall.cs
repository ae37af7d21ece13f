using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>One run of a layer: what its backward must know, apart from tensors.</summary>
internal sealed class LayerCall
{
    private readonly int trainable;

    public LayerCall(IExplicitLayer layer, Tensor x)
    {
        (Layer, NeedsInput) = (layer, x.requires_grad);
        var (own, frozen) = (layer.Trainable, layer.Frozen);
        Parameters = [.. own, .. frozen];
        trainable = own.Count;
        Validate(x, frozen);
        Records = is_grad_enabled() && (NeedsInput || Parameters.Any(parameter => parameter.requires_grad));
    }

    public IExplicitLayer Layer { get; }

    /// <summary>Whether x wants a gradient.</summary>
    public bool NeedsInput { get; }

    /// <summary>The trainable parameters, then the frozen ones.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Whether a backward can follow.</summary>
    public bool Records { get; }

    /// <summary>One entry for each argument of the function: the call itself, x, the parameters.</summary>
    public List<Tensor> Backward(Tensor dy, Func<List<Tensor>> unpack)
    {
        var results = new List<Tensor>(new Tensor[2 + Parameters.Count]);
        if (dy.IsInvalid)
        {
            return results;
        }

        if (is_grad_enabled())
        {
            throw new NotSupportedException("Second derivatives (create_graph) are not available.");
        }

        if (!Layer.Trainable.Concat(Layer.Frozen).SequenceEqual(Parameters, ReferenceEqualityComparer.Instance))
        {
            throw new InvalidOperationException(
                "The layer was moved, loaded or merged between its forward and its backward.");
        }

        var kept = unpack();
        kept.RemoveRange(kept.Count - Parameters.Count, Parameters.Count);
        var gradients = Layer.Backward(new Saved(NeedsInput, kept), dy.contiguous());
        if (gradients.Parameters.Length != trainable)
        {
            throw new InvalidOperationException($"{gradients.Parameters.Length} gradients for {trainable} parameters.");
        }

        if (gradients.Input is { } dx)
        {
            results[1] = ReturnedGradients.Hand(dx);
        }

        for (var i = 0; i < trainable; i++)
        {
            results[2 + i] = gradients.Parameters[i] is { } gradient
                ? ReturnedGradients.Hand(gradient.to(Parameters[i].dtype)) : null!;
        }

        return results;
    }

    /// <summary>What a failed backward says and returns.</summary>
    public (string? Message, List<Tensor> Gradients) Refuse(Exception fault, Tensor dy)
    {
        // The parameters of the forward may be gone; those in their places have their shapes.
        List<Parameter> present = [.. Layer.Trainable, .. Layer.Frozen];
        return BackwardFault.Report(
            $"layer '{Layer.LayerName}' ({Layer.GetType().Name})",
            fault,
            [
                null,
                [dy.size(0), Layer.InFeatures],
                .. Parameters.Select((_, i) => i < present.Count ? present[i].shape : null),
            ],
            dy);
    }

    private void Validate(Tensor x, IReadOnlyList<Parameter> frozen)
    {
        var wanted = Layer.Dtype;
        if (x.dim() == 0 || x.size(-1) != Layer.InFeatures || x.dtype != wanted)
        {
            throw new ArgumentException(
                $"Layer '{Layer.LayerName}' takes {wanted} [..., {Layer.InFeatures}]; the input is {x.dtype} "
                + $"[{string.Join(", ", x.shape)}].",
                nameof(x));
        }

        if (frozen.Any(parameter => parameter.requires_grad))
        {
            throw new InvalidOperationException(
                $"The frozen weight or bias of layer '{Layer.LayerName}' requires a gradient, which the layer's "
                + "backward does not compute.");
        }
    }
}
