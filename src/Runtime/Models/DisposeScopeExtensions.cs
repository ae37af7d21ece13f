using System.ComponentModel;
using Marrow.Models;
using TorchSharp;

namespace Marrow.CompilerServices;

/// <summary>Handing results out of dispose scopes.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public static class DisposeScopeExtensions
{
    /// <summary>
    /// Moves every tensor of a result to the scope around this one: a tensor, or tensors in tuples, collections,
    /// records, classes and structs. Tensors that this scope does not own stay where they are.
    /// </summary>
    public static T MoveOut<T>(this DisposeScope scope, T result)
    {
        foreach (var (_, tensor) in ResultTensors.In(result))
        {
            scope.MoveToOuter(tensor);
        }

        return result;
    }
}
