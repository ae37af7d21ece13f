using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Marrow.Generators.Declarations;
using Marrow.Generators.Equatable;
using Marrow.Generators.Methods;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>
/// Reads a class and, transitively, its bases and the models it contains. The one door from symbols to specs: the
/// generator and the analyzer both come through here, so they cannot disagree.
/// </summary>
internal sealed class ClosureReader
{
    // Variants share their architectures; within one compilation each class is read once.
    private static readonly ConditionalWeakTable<Compilation, Tables> Readers = new();

    private readonly Compilation compilation;
    private readonly MethodTable methods;
    private readonly ConcurrentDictionary<INamedTypeSymbol, ClassReading> classes = new(SymbolEqualityComparer.Default);

    private ClosureReader(Compilation compilation, MethodTable methods) =>
        (this.compilation, this.methods) = (compilation, methods);

    public static ModelClosure Read(
        INamedTypeSymbol type, Compilation compilation, MethodTable methods, CancellationToken cancellation) => Readers
            .GetValue(compilation, _ => new Tables())
            .GetOrAdd(methods, table => new ClosureReader(compilation, table))
            .Read(type, cancellation);

    private ModelClosure Read(INamedTypeSymbol root, CancellationToken cancellation)
    {
        var found = new Dictionary<string, ClassSpec>();
        var waiting = new Stack<INamedTypeSymbol>([root]);
        while (waiting.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            var reading = classes.GetOrAdd(waiting.Pop(), type => ClassReader.Read(type, compilation, methods));
            if (!found.ContainsKey(reading.Spec.Key))
            {
                found.Add(reading.Spec.Key, reading.Spec);
                foreach (var next in reading.Uses)
                {
                    waiting.Push(next);
                }
            }
        }

        return new ModelClosure(
            found[root.Key()], found.Values.OrderBy(type => type.Key, StringComparer.Ordinal).ToEquatable());
    }

    /// <summary>One reader for each table of methods; there is one table but in tests.</summary>
    private sealed class Tables : ConcurrentDictionary<MethodTable, ClosureReader>;
}

/// <summary>A class as read, and the model classes that it derives from or contains.</summary>
internal sealed record ClassReading(ClassSpec Spec, IReadOnlyList<INamedTypeSymbol> Uses);
