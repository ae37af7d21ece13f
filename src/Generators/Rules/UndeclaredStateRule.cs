using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW010: what a model holds is declared, so that it is saved, moved and trained.</summary>
internal static class UndeclaredStateRule
{
    public static IEnumerable<Violation> Check(ModelCheck check) => check.Type.IsModel
        ? check.Type.Undeclared.Select(state => new Violation(
            DiagnosticIds.UndeclaredState,
            new Site.Member(state.Member),
            $"In '{check.Type.Name}', {state.What}, which would be in no checkpoint, not moved and not trained; "
                + $"declare {state.Advice}"))
        : [];
}
