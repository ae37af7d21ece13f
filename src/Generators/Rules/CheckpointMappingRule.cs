using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Resolution;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Rules;

/// <summary>
/// MRW011: what a class says about its checkpoint suits its layers, and gives each tensor a name of its own.
/// </summary>
internal static class CheckpointMappingRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        if (check.Type.Mapping is not { } mapping || check.Plan.RepeatsItself)
        {
            return [];
        }

        var written = mapping.Rules.SelectMany(rule => Parts(check.Type, rule)).Concat(Repeated(mapping)).ToList();
        return written.Count > 0 ? written : Names(check, mapping);
    }

    /// <summary>Parts are expressions like any other size.</summary>
    private static IEnumerable<Violation> Parts(ClassSpec type, NameRuleSpec rule) =>
        from part in rule.Parts
        let value = part.Evaluate(_ => null)
        let error = value.Error ?? value.Mismatch(ValueKind.Integer, type.TypeOf)
        where error is not null
        select SizeExpressionRule.Of(DiagnosticIds.SizeExpression, Site(rule, "Parts"), error);

    /// <summary>Options that are given more than once.</summary>
    private static IEnumerable<Violation> Repeated(MappingSpec mapping) => mapping.Rules
        .SelectMany(rule => rule.Errors.Select(error => (Site: Site(rule, error.Argument), rule.Attribute, error)))
        .Concat((mapping.Options?.Errors ?? default).Select(error => (
            Site: new Site.Argument(null, "Checkpoint", error.Argument), Attribute: "Checkpoint", error)))
        .Select(found => new Violation(
            DiagnosticIds.CheckpointMapping, found.Site, $"[{found.Attribute}] {found.error.Message}"));

    private static IReadOnlyList<Violation> Names(ModelCheck check, MappingSpec mapping)
    {
        var names = new StoredNames(check.Closure);
        var (own, table) = (names.Own(check.Plan), names.Table(check.Type));
        var inherited = table.Rules.Count - mapping.Rules.Count;
        var violations = new List<Violation>();
        var stored = table.Apply(own, (number, fault) =>
        {
            var rule = number >= inherited ? mapping.Rules[number - inherited] : null;
            var site = rule is null ? null : Site(rule, fault.Argument);
            if (rule is not null && site is not null && violations.All(other => !site.Equals(other.Site)))
            {
                violations.Add(new(
                    DiagnosticIds.CheckpointMapping,
                    site,
                    $"[{rule.Attribute}] of '{check.Type.Name}': {fault.Message}{DidYouMean(fault.Unmatched, own)}"));
            }
        });
        if (violations.Count > 0)
        {
            return violations;
        }

        return
        [
            .. mapping.Options?.Prefix is { Length: > 0 } prefix && !prefix.EndsWith(".", StringComparison.Ordinal)
                ? new[] { Option("Prefix", $"'{prefix}' does not end with a dot, as the first part of a name does") }
                : [],
            .. Unmatched("Transpose", mapping.Options?.Transpose),
            .. mapping.Options?.Unprefixed is not null && table.Prefix.Length == 0
                ? [Option("Unprefixed", "it means nothing without Prefix")]
                : Unmatched("Unprefixed", mapping.Options?.Unprefixed),
        ];

        IEnumerable<Violation> Unmatched(string option, string? patterns) =>
            from text in patterns?.Split('|') ?? []
            let pattern = text.Trim(' ')
            where !stored.Any(tensor => NameTable.Means(pattern, tensor.Name)
                || (tensor.UnknownInside is { } start && new NamePattern(pattern).LeadsInto(start)))
            select Option(option, $"'{pattern}' matches nothing{DidYouMean(pattern, stored)}");

        Violation Option(string option, string fault) => new(
            DiagnosticIds.CheckpointMapping,
            new Site.Argument(null, "Checkpoint", option),
            $"{option} of '{check.Type.Name}': {fault}");
    }

    private static Site.Argument Site(NameRuleSpec rule, string argument) =>
        new(null, rule.Attribute, argument) { Index = rule.Index };

    private static string DidYouMean(string? pattern, IReadOnlyList<StoredTensor> tensors)
    {
        if (pattern is null)
        {
            return "";
        }

        if (tensors.Any(tensor => new NamePattern(pattern).Match(tensor.Name) is not null))
        {
            return " that the rules above it leave";
        }

        var names = tensors
            .SelectMany(tensor => LayerTargets.Around(tensor.Name))
            .Select(name => string.Join(".", name.Split('.').Select(part => part.All(char.IsDigit) ? "*" : part)))
            .Where(name => name[name.Length - 1] != '*')
            .Distinct()
            .ToList();
        return Suggestion.Nearest(pattern, names) is { } name ? $"; did you mean '{name}'?"
            : names.Count == 0 ? "; it has no weights"
            : $"; names at that point are {string.Join(", ", names.Take(6))}{(names.Count > 6 ? ", …" : "")}";
    }
}
