using System.Globalization;
using System.Text.RegularExpressions;

namespace Marrow.Examples.FineTune.Data;

/// <summary>A problem with its worked answer.</summary>
/// <param name="Question">The question.</param>
/// <param name="Solution">The steps that lead to the answer.</param>
/// <param name="Answer">The final number, as it was written.</param>
internal sealed partial record Problem(string Question, string Solution, string Answer)
{
    /// <summary>How GSM8K marks the final number.</summary>
    public const string HashMarker = "####";

    /// <summary>How MetaMathQA marks it.</summary>
    public const string PhraseMarker = "The answer is:";

    /// <summary>Splits a worked answer at its last marker; null if there is none or no number follows.</summary>
    public static Problem? Parse(string question, string worked)
    {
        var (marker, at) = ((string[])[HashMarker, PhraseMarker])
            .Select(marker => (marker, worked.LastIndexOf(marker, StringComparison.Ordinal)))
            .MaxBy(found => found.Item2);
        return at >= 0 && Number(worked[(at + marker.Length)..]) is not null
            ? new Problem(question.Trim(), Calculations().Replace(worked[..at], "").Trim(), worked[(at + marker.Length)..].Trim())
            : null;
    }

    /// <summary>Whether a text ends in the right number.</summary>
    /// <param name="text">What the model wrote.</param>
    /// <param name="marker">The marker it was taught.</param>
    public bool IsSolvedBy(string text, string marker)
    {
        var at = text.LastIndexOf(marker, StringComparison.Ordinal);
        return at >= 0 && Number(text[(at + marker.Length)..]) is { } found && found == Number(Answer);
    }

    /// <summary>The number that a text is, but for currency, thousands' commas and a full stop.</summary>
    private static decimal? Number(string text) =>
        decimal.TryParse(
            text.Trim().TrimStart('$').TrimEnd('.', '%').Replace(",", "", StringComparison.Ordinal),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var number)
            ? number
            : null;

    /// <summary>GSM8K's calculator marks, which repeat what stands beside them.</summary>
    [GeneratedRegex("<<[^>]*>>")]
    private static partial Regex Calculations();
}
