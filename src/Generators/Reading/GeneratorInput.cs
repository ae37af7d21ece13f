using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Methods;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>What the files of a class are made of.</summary>
/// <param name="Closure">The class and everything it is made of; with a failure, its skeleton alone.</param>
/// <param name="Failure">What failed while the class was read, or null.</param>
internal sealed record GeneratorInput(ModelClosure Closure, string? Failure)
{
    /// <summary>Reads a class. A failure stays with the class: no other one is emitted less for it.</summary>
    /// <returns>Null if not even the class's name and members could be read.</returns>
    public static GeneratorInput? Read(
        INamedTypeSymbol type, Compilation compilation, MethodTable methods, CancellationToken cancellation)
    {
        try
        {
            return new(ClosureReader.Read(type, compilation, methods, cancellation), null);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return Skeleton(type, InternalError.Describe(type.Name, failure));
        }
    }

    private static GeneratorInput? Skeleton(INamedTypeSymbol type, string failure)
    {
        try
        {
            var skeleton = ClassReader.ReadSkeleton(type);
            return new(new ModelClosure(skeleton, new([skeleton])), failure);
        }
        catch (Exception second) when (second is not OperationCanceledException)
        {
            return null; // the analyzer reports the first failure at the class
        }
    }
}
