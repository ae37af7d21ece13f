using System.Globalization;
using System.Text.RegularExpressions;

namespace Marrow.Language;

/// <summary>The final answer of a worked solution, as GSM8K, MetaMathQA and MATH mark it.</summary>
public static partial class FinalAnswer
{
    /// <summary>How GSM8K marks it.</summary>
    public const string HashMarker = "####";

    /// <summary>How MetaMathQA marks it.</summary>
    public const string PhraseMarker = "The answer is:";

    /// <summary>
    /// What stands behind the last marker of either kind, or within MATH's last <c>\boxed{…}</c>; null if there is
    /// neither.
    /// </summary>
    public static string? Of(string solution)
    {
        var (marker, at) = ((string[])[HashMarker, PhraseMarker])
            .Select(marker => (marker, solution.LastIndexOf(marker, StringComparison.Ordinal)))
            .MaxBy(found => found.Item2);
        return at >= 0 ? FirstLine(solution[(at + marker.Length)..]) : Boxed(solution);
    }

    /// <summary>
    /// What is within the last <c>\boxed{…}</c> or <c>\fbox{…}</c>, braces balanced; null if there is none.
    /// </summary>
    public static string? Boxed(string solution)
    {
        var at = Math.Max(
            solution.LastIndexOf(@"\boxed", StringComparison.Ordinal),
            solution.LastIndexOf(@"\fbox", StringComparison.Ordinal));
        if (at < 0)
        {
            return null;
        }

        var open = at + (solution[at + 1] == 'b' ? @"\boxed" : @"\fbox").Length;
        if (open < solution.Length && solution[open] == ' ')
        {
            return solution[(open + 1)..].Split('$', '\n')[0].Trim(); // \boxed 5$
        }

        var depth = 0;
        for (var i = open; i < solution.Length; i++)
        {
            depth += solution[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0)
            {
                return i > open ? solution[(open + 1)..i].Trim() : null;
            }
        }

        return null;
    }

    /// <summary>
    /// The number that a text is or ends in, but for currency, units, thousands' commas and a full stop; null if there
    /// is none.
    /// </summary>
    public static decimal? Number(string text)
    {
        var found = Numbers().Matches(text);
        return found.Count > 0 && decimal.TryParse(
            found[^1].Value.Replace(",", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var number) ? number : null;
    }

    /// <summary>GSM8K's exact match: the final number of a solution is the reference's.</summary>
    /// <param name="solution">What the model wrote.</param>
    /// <param name="reference">The reference solution, or its final number.</param>
    public static bool IsGsm8kSolved(string solution, string reference) =>
        Of(solution) is { } answer && Number(answer) is { } number && number == Number(Of(reference) ?? reference);

    /// <summary>
    /// MATH's answer equivalence: the final answers are the same mathematics (<see cref="MathAnswer.AreEquivalent"/>).
    /// </summary>
    public static bool IsMathSolved(string solution, string reference) =>
        Of(solution) is { } answer && (Boxed(reference) ?? Of(reference)) is { } wanted
            && MathAnswer.AreEquivalent(answer, wanted);

    /// <summary>A reference solution without GSM8K's calculator marks, which repeat what stands beside them.</summary>
    public static string WithoutCalculations(string solution) => Calculations().Replace(solution, "");

    private static string FirstLine(string text) => text.Trim().Split('\n')[0].Trim();

    [GeneratedRegex(@"-?\s?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|-?\.\d+")]
    private static partial Regex Numbers();

    [GeneratedRegex("<<[^>]*>>")]
    private static partial Regex Calculations();
}
