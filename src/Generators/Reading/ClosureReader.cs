using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Marrow.Generators.Equatable;
using Marrow.Generators.Specs;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Reading;

/// <summary>
/// Reads a class and, transitively, its bases and the models it contains. The one door from symbols to specs: the
/// generator and the analyzer both come through here, so they cannot disagree.
/// </summary>
internal sealed class ClosureReader
{
    // Variants share their architectures; within one compilation each class is read once.
    private static readonly ConditionalWeakTable<Compilation, ClosureReader> Readers = new();

    private readonly Compilation compilation;
    private readonly ConcurrentDictionary<INamedTypeSymbol, ClassReading> classes = new(SymbolEqualityComparer.Default);

    private ClosureReader(Compilation compilation) => this.compilation = compilation;

    public static ModelClosure Read(INamedTypeSymbol type, Compilation compilation, CancellationToken cancellation) =>
        Readers.GetValue(compilation, key => new ClosureReader(key)).Read(type, cancellation);

    private ModelClosure Read(INamedTypeSymbol root, CancellationToken cancellation)
    {
        var found = new Dictionary<string, ClassSpec>();
        var waiting = new Stack<INamedTypeSymbol>([root]);
        while (waiting.Count > 0)
        {
            cancellation.ThrowIfCancellationRequested();
            var reading = classes.GetOrAdd(waiting.Pop(), type => ClassReader.Read(type, compilation));
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
}

/// <summary>A class as read, and the model classes that it derives from or contains.</summary>
internal sealed record ClassReading(ClassSpec Spec, IReadOnlyList<INamedTypeSymbol> Uses);
