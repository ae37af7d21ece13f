namespace Marrow.Shared;

/// <summary>"Did you mean": the candidate with the smallest edit distance, if it is near.</summary>
internal static class Suggestion
{
    public static string? Nearest(string text, IEnumerable<string> candidates) => candidates
        .Select(candidate => (candidate, distance: Distance(text.ToLowerInvariant(), candidate.ToLowerInvariant())))
        .Where(pair => pair.distance <= Math.Max(2, text.Length / 3))
        .OrderBy(pair => pair.distance)
        .Select(pair => pair.candidate)
        .FirstOrDefault();

    /// <summary>Levenshtein distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, 1 + Math.Min(row[j], row[j - 1]));
            }
        }

        return row[b.Length];
    }

    /// <summary>The end of a sentence about a pattern that matches none of these layers.</summary>
    public static string DidYouMean(string pattern, IReadOnlyCollection<string> layers)
    {
        var last = pattern.Substring(pattern.LastIndexOf('.') + 1).Trim('*');
        var names = layers.Select(name => name.Substring(name.LastIndexOf('.') + 1)).Distinct().ToList();
        return Nearest(last, names) is not { } name
            ? layers.Count == 0 ? "; it has none" : $"; its layers are {string.Join(", ", names.Take(8))}"
            : layers.Contains(name) ? $"; did you mean '{name}'?" : $"; did you mean '*.{name}'?";
    }
}
