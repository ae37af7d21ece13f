using static TorchSharp.torch;

namespace Marrow.Autograd;

/// <summary>
/// An exception must not leave a backward, it would end the process. Gradients of an impossible shape and type make
/// libtorch fail in its place, with an exception that the caller of <c>backward()</c> can catch.
/// </summary>
internal static class BackwardFault
{
    /// <summary>Prints what happened and fills in the impossible gradients.</summary>
    /// <param name="what">Whose backward it was.</param>
    /// <param name="fault">What was thrown.</param>
    /// <param name="results">The list that the backward returns.</param>
    /// <param name="first">Where its gradients begin.</param>
    public static void Report(string what, Exception fault, List<Tensor> results, int first)
    {
        // Only the first line of libtorch's messages is for people, the rest are its stack frames.
        Console.Error.WriteLine(
            $"Marrow: the backward of {what} failed; autograd reports it as an invalid gradient.\n"
            + $"{fault.GetType().Name}: {fault.Message.Split('\n')[0]}\n{fault.StackTrace}");
        for (var i = first; i < results.Count; i++)
        {
            results[i] = ReturnedGradients.Hand(zeros(0, 0, dtype: ScalarType.ComplexFloat32));
        }
    }
}
