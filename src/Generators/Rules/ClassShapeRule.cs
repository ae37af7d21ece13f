using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW001: a model is one partial class with one constructor, and derives from nothing but a model.</summary>
internal static class ClassShapeRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => Of(check.Type) is { } violation ? [violation] : [];

    /// <summary>What makes the class no possible model, or null.</summary>
    public static Violation? Of(ClassSpec type) => type.Error is { } error && (type.IsModel || type.Layers.Count > 0)
        ? new(
            DiagnosticIds.ModelClassShape,
            new Site.Class(),
            $"Model class '{type.Name}' {error.Message}",
            error.IsPartialMissing ? ["partial"] : [])
        : null;
}
