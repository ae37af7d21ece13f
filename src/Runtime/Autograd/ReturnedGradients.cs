using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// Gradients handed to autograd. It takes its own references when a backward has returned, but tells nobody that it
/// has, so the wrappers wait here for the next layer on the same thread.
/// </summary>
internal static class ReturnedGradients
{
    [ThreadStatic]
    private static List<Tensor>? waiting;

    /// <summary>
    /// Frees what waits on this thread. Layers do it themselves when they run; at the end of a step it frees the last
    /// few gradients at once.
    /// </summary>
    public static void Free()
    {
        waiting?.ForEach(gradient => gradient.Dispose());
        waiting?.Clear();
    }

    /// <summary>Takes a gradient out of all dispose scopes: one inside backward would free it too early.</summary>
    internal static Tensor Hand(Tensor gradient)
    {
        (waiting ??= []).Add(gradient.DetachFromDisposeScope());
        return gradient;
    }
}
