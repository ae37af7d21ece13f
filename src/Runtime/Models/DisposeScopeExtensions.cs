using System.ComponentModel;
using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>Handing results out of dispose scopes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class DisposeScopeExtensions
{
    /// <summary>
    /// Moves every tensor of a result to the scope around this one: a tensor, or tensors in tuples and collections.
    /// Tensors that this scope does not own stay where they are.
    /// </summary>
    public static T MoveOut<T>(this DisposeScope scope, T result)
    {
        switch (result)
        {
            case Tensor tensor:
                scope.MoveToOuter(tensor);
                break;
            case ITuple tuple:
                for (var i = 0; i < tuple.Length; i++)
                {
                    scope.MoveOut(tuple[i]);
                }

                break;
            case IEnumerable<Tensor> tensors:
                scope.MoveToOuter(tensors);
                break;
        }

        return result;
    }
}
