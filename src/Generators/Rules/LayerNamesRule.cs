using Marrow.Generators.Diagnostics;

namespace Marrow.Generators.Rules;

/// <summary>MRW009: a layer has a name of its own in checkpoints, made of parts that are not empty.</summary>
internal static class LayerNamesRule
{
    public static IEnumerable<Violation> Check(ModelCheck check)
    {
        var inherited = check.Closure.Lineage(check.Type)
            .Skip(1)
            .SelectMany(ancestor => ancestor.Layers)
            .Select(layer => layer.Property);
        var seen = inherited.GroupBy(property => property.LayerName).ToDictionary(
            group => group.Key, group => group.First().Name);
        foreach (var property in check.Type.Layers.Select(layer => layer.Property))
        {
            Site site = property.IsNamed
                ? new Site.Argument(property.Name, "Name", "name")
                : new Site.Property(property.Name);
            if (property.LayerName.Split('.').Any(part => part.Trim().Length == 0 || part.Any(char.IsControl)))
            {
                yield return new(
                    DiagnosticIds.LayerName,
                    site,
                    $"The checkpoint name '{property.LayerName}' of layer '{property.Name}' has an empty or "
                        + "unprintable part between its dots");
            }
            else if (seen.TryGetValue(property.LayerName, out var other))
            {
                yield return new(
                    DiagnosticIds.LayerName,
                    site,
                    $"Layers '{other}' and '{property.Name}' of '{check.Type.Name}' have one checkpoint name, "
                        + $"'{property.LayerName}'; rename one with [Name]");
            }
            else if (seen.Keys.FirstOrDefault(
                name => name.StartsWith(property.LayerName + ".", StringComparison.Ordinal)) is { } inner)
            {
                yield return new(
                    DiagnosticIds.LayerName,
                    site,
                    $"The checkpoint name '{property.LayerName}' of layer '{property.Name}' is the first part of "
                        + $"'{inner}', the name of layer '{seen[inner]}'; "
                        + $"declare '{property.Name}' first, or rename one");
            }
            else
            {
                seen.Add(property.LayerName, property.Name);
            }
        }
    }
}
