using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;

namespace Marrow.Generators.Rules;

/// <summary>MRW107: a model's parameters can be counted, and its bytes too: there are fewer than 2⁵⁹.</summary>
internal static class ParameterCountRule
{
    private const long Most = 1L << 59;

    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        if (check.Plan.RepeatsItself || PositiveSizesRule.Check(check).Any())
        {
            yield break;
        }

        var isTooLarge = false;
        try
        {
            var (parameters, adapters) = PlanTable.Totals(PlanTable.Rows(check.Plan));
            isTooLarge = parameters > Most || adapters > Most || parameters + adapters > Most;
        }
        catch (OverflowException)
        {
            isTooLarge = true;
        }

        if (isTooLarge)
        {
            yield return new(
                DiagnosticIds.ParameterCount,
                Largest(check) is { } layer && Argument(layer) is { } argument
                    ? check.FindCause(layer, argument)
                    : new Site.Class(),
                $"'{check.Type.Name}' would have more than 2^59 parameters; make its sizes or counts smaller");
        }
    }

    private static LayerInstance? Largest(ModelCheck check) => check.Layers
        .OrderByDescending(Size)
        .FirstOrDefault();

    private static double Size(LayerInstance layer) => layer.Spec.Arguments
        .Where(argument => argument.What is not null && argument.Name != "Tokens")
        .Aggregate(1.0, (product, argument) => product * (argument.Value.Number ?? 1));

    private static string? Argument(LayerInstance layer) => layer.Spec.Arguments
        .Where(argument => argument.What is not null)
        .OrderByDescending(argument => argument.Value.Number ?? 0)
        .FirstOrDefault()?.Name;
}
