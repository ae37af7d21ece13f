using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW001: a model is one partial class with one constructor, and derives from nothing but a model.</summary>
internal static class ClassShapeRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => check.Type is { IsModel: true, Error: { } error }
        ? [new(
            DiagnosticIds.ModelClassShape,
            new Site.Class(),
            $"Model class '{check.Type.Name}' {error.Message}",
            error.IsPartialMissing ? ["partial"] : [])]
        : [];
}
