using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Methods;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>What the files of a class are made of.</summary>
/// <param name="Closure">The class and everything it is made of; with a failure, its skeleton alone.</param>
/// <param name="Failure">What failed while the class was read, or null.</param>
/// <param name="Name">
/// Where the class's name stands, if the generator has to report the class; otherwise null, so that lines that move
/// change nothing.
/// </param>
internal sealed record GeneratorInput(ModelClosure Closure, string? Failure, SourcePlace? Name)
{
    /// <summary>Reads a class. A failure stays with the class: no other one is emitted less for it.</summary>
    /// <returns>Null if not even the class's name and members could be read.</returns>
    public static GeneratorInput? Read(
        INamedTypeSymbol type, Compilation compilation, MethodTable methods, CancellationToken cancellation)
    {
        try
        {
            var closure = ClosureReader.Read(type, compilation, methods, cancellation);
            return new(closure, null, NameOf(type, closure.Root));
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            return Skeleton(type, methods, InternalError.Describe(type.Name, failure));
        }
    }

    private static SourcePlace? NameOf(INamedTypeSymbol type, ClassSpec spec) =>
        spec.Error is { IsForGenerator: true } ? SourcePlace.Of(ClassLocation.Of(type)) : null;

    private static GeneratorInput? Skeleton(INamedTypeSymbol type, MethodTable methods, string failure)
    {
        try
        {
            var skeleton = ClassReader.ReadSkeleton(type, methods);
            return new(new ModelClosure(skeleton, new([skeleton])), failure, NameOf(type, skeleton));
        }
        catch (Exception second) when (second is not OperationCanceledException)
        {
            return null; // the analyzer reports the first failure at the class
        }
    }
}
