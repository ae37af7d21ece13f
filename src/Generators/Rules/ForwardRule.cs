using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW007: an architecture has one [Forward] method; a variant's own has its architecture's signature.
/// </summary>
internal static class ForwardRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var (type, forward) = (check.Type, check.Type.Forward);
        if (!type.IsModel)
        {
            yield break;
        }

        if (forward.Error is { } error)
        {
            yield return new(
                DiagnosticIds.ForwardMethod, new Site.Method(error.Method), $"In '{type.Name}', {error.Message}");
        }
        else if (forward.Method is null && type.BaseKey is null && !type.OwnNames.Contains("forward"))
        {
            yield return new(
                DiagnosticIds.ForwardMethod,
                new Site.Class(),
                $"Model '{type.Name}' has no [Forward] method; mark the method that computes its output");
        }
        else if (
            forward.Method is not null && Overridden(check) is { } inherited
                && Signature(inherited) != Signature(forward))
        {
            yield return new(
                DiagnosticIds.ForwardMethod,
                new Site.Method(0),
                $"The [Forward] method of '{type.Name}' is {Signature(forward)}, but its architecture's is "
                    + $"{Signature(inherited)}");
        }
    }

    private static ForwardSpec? Overridden(ModelCheck check) => check.Closure.Lineage(check.Type)
        .Skip(1)
        .Select(type => type.Forward)
        .FirstOrDefault(forward => forward.Method is not null);

    private static string Signature(ForwardSpec forward) =>
        $"{forward.Result} ({string.Join(", ", forward.Inputs.Select(input => input.Type))})".Replace("global::", "");
}
