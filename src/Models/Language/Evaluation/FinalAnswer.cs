using System.Globalization;
using System.Text.RegularExpressions;

namespace Marrow.Language;

/// <summary>
/// The final answer of a worked solution, as GSM8K, MetaMathQA and MATH mark it, and whether it is the reference's.
/// The scorers that are followed, and where they are departed from, are in docs/scoring.md.
/// </summary>
public static partial class FinalAnswer
{
    /// <summary>How GSM8K marks it; a number stands behind it, or it is a heading.</summary>
    public const string HashMarker = "####";

    /// <summary>How MetaMathQA marks it.</summary>
    public const string PhraseMarker = "The answer is:";

    /// <summary>
    /// What stands behind the first marker of either kind, in a box there if there is one; without a marker what is
    /// within MATH's last <c>\boxed{…}</c>. Null if there is neither. What a model wrote on into a next problem does
    /// not count.
    /// </summary>
    public static string? Of(string solution)
    {
        var text = WithoutNextProblem(solution);
        var markers = Markers().Matches(text);
        for (var i = 0; i < markers.Count; i++)
        {
            var end = i + 1 < markers.Count && markers[i + 1].Value == PhraseMarker
                ? markers[i + 1].Index
                : text.Length;
            var rest = text[(markers[i].Index + markers[i].Length)..end];
            var isHeading = markers[i].Value != PhraseMarker
                && (!BeginsWithNumber().IsMatch(rest) || (i + 1 < markers.Count && Heading().IsMatch(rest)));
            if (!isHeading && Passage(rest.TrimStart()) is { Length: > 0 } passage)
            {
                return Box(passage, Boxes().Match(passage)) ?? FirstSentence(passage);
            }
        }

        return Boxed(text);
    }

    /// <summary>
    /// What is within the last <c>\boxed{…}</c> or <c>\fbox{…}</c>, braces balanced; null if there is none.
    /// </summary>
    public static string? Boxed(string solution) => Box(solution, Boxes().Matches(solution).LastOrDefault());

    /// <summary>
    /// The first number of a text, or fraction of two, but for currency and thousands' separators: 1234.5 in "$1,234.50
    /// for 3 hours", 18 in "36/2". Null if there is none.
    /// </summary>
    public static decimal? Number(string text)
    {
        var match = Numbers().Match(PlainFractions(text));
        if (!match.Success || Part("number") is not { } number)
        {
            return null;
        }

        try
        {
            var value = !match.Groups["bottom"].Success ? number
                : Part("bottom") is { } bottom and not 0 ? (Part("whole") ?? 0) + (number / bottom)
                : (decimal?)null;
            return match.Groups["sign"].Success ? -value : value;
        }
        catch (OverflowException)
        {
            return null;
        }

        decimal? Part(string name) => decimal.TryParse(
            Separators().Replace(match.Groups[name].Value, ""),
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out var part) ? part : null;
    }

    /// <summary>
    /// Whether a solution is right: by <see cref="IsGsm8kSolved"/> where the reference is marked as GSM8K's are, by
    /// <see cref="IsMathSolved"/> otherwise.
    /// </summary>
    /// <param name="solution">What the model wrote.</param>
    /// <param name="reference">The reference solution.</param>
    public static bool IsSolved(string solution, string reference) =>
        Gsm8kReference().IsMatch(reference)
            ? IsGsm8kSolved(solution, reference)
            : IsMathSolved(solution, reference);

    /// <summary>GSM8K's exact match: the final number of a solution is the reference's.</summary>
    /// <param name="solution">What the model wrote.</param>
    /// <param name="reference">The reference solution, or its final number.</param>
    public static bool IsGsm8kSolved(string solution, string reference) =>
        Of(solution) is { } answer && Number(answer) is { } number && number == Number(Of(reference) ?? reference);

    /// <summary>
    /// MATH's answer equivalence: the final answers are the same mathematics (<see cref="MathAnswer.AreEquivalent"/>).
    /// </summary>
    /// <param name="solution">What the model wrote.</param>
    /// <param name="reference">The reference solution.</param>
    public static bool IsMathSolved(string solution, string reference) =>
        Of(solution) is { } answer && (Boxed(reference) ?? Of(reference)) is { } wanted
            && MathAnswer.AreEquivalent(answer, wanted);

    /// <summary>A reference solution without GSM8K's calculator marks, which repeat what stands beside them.</summary>
    public static string WithoutCalculations(string solution) => Calculations().Replace(solution, "");

    private static string WithoutNextProblem(string solution) =>
        NextProblem().Match(solution) is { Success: true } match ? solution[..match.Index] : solution;

    private static string? Box(string text, Match? box)
    {
        if (box is not { Success: true })
        {
            return null;
        }

        var open = box.Index + box.Length;
        return open == text.Length || text[open] != '{'
            ? text[open..].Split('$', '\n')[0].Trim().TrimEnd('.') // \boxed 5$
            : LatexGroup.End(text, open) is { } end ? text[(open + 1)..(end - 1)].Trim() : null;
    }

    /// <summary>The first line, and those after it as long as it leaves mathematics open.</summary>
    private static string Passage(string text)
    {
        for (var end = text.IndexOf('\n'); end >= 0; end = text.IndexOf('\n', end + 1))
        {
            if (!IsOpen(text[..end].Trim()))
            {
                return text[..end].Trim();
            }
        }

        return IsOpen(text) ? text.Split('\n')[0].Trim() : text.Trim();
    }

    private static bool IsOpen(string text)
    {
        return Count(@"\begin") > Count(@"\end") || Count("{") - Count(@"\{") > Count("}") - Count(@"\}")
            || text is "$" or @"\(" or @"\["
            || (text.StartsWith(@"\[", StringComparison.Ordinal) && Count(@"\]") == 0)
            || (text.StartsWith("$$", StringComparison.Ordinal) && Count("$$") == 1);

        int Count(string part) => text.Split(part).Length - 1;
    }

    /// <summary>What leads a passage: its only formula, or what is before the full stop of a sentence.</summary>
    private static string FirstSentence(string passage)
    {
        if (Formula().Match(passage) is { Success: true } formula
            && !passage[formula.Length..].Contains('$') && !passage[formula.Length..].Contains('\\'))
        {
            return formula.Value;
        }

        return SentenceEnd().Split(passage, 2)[0].Trim();
    }

    /// <summary>Fractions of LaTeX and of one character as 1/2.</summary>
    private static string PlainFractions(string text) => Vulgar().Replace(
        LatexFractions().Replace(text, " $1/$2"),
        match => match.Value switch { "½" => " 1/2", "¼" => " 1/4", "¾" => " 3/4", "⅓" => " 1/3", _ => " 2/3" });

    [GeneratedRegex($"{HashMarker}#*|{PhraseMarker}")]
    private static partial Regex Markers();

    [GeneratedRegex(@"\\(?:boxed|fbox)(?![A-Za-z])\s*")]
    private static partial Regex Boxes();

    private const string Minus = "[-\u2212\u2010\u2011\u2013\uFE63\uFF0D]";

    // What may stand before a number behind "####": emphasis, delimiters, sign, currency, a box.
    [GeneratedRegex(
        @"^(?:[*$({+€£¥₹]|\\[(\[$]|" + Minus + @"|USD?|\\(?:boxed|fbox)|\\[td]?frac|[^\S\n])*"
        + @"\.?\d(?!\d*(?:st|nd|rd|th)\b)")]
    private static partial Regex BeginsWithNumber();

    /// <summary>"#### 2. Add them up" before what is marked later.</summary>
    [GeneratedRegex(@"^\s*\d+\s*[.):]\s*[*]*[A-Za-z]")]
    private static partial Regex Heading();

    /// <summary>Where the prompt of a next problem begins, behind something.</summary>
    [GeneratedRegex(
        @"(?<=\S\s*)\n\s*(?:#{2,3} *(?:Instruction|Input|Response)\b|(?:Question|Problem|Q|User|USER|Human) *:)")]
    private static partial Regex NextProblem();

    private const string Whole =
        @"(?:\d{1,3}(?:" + Separator + @"\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+)";

    private const string Separator = @"(?:,\\!|\{,\}|\\,|[,'\u00A0\u2009\u202F])";

    [GeneratedRegex(
        @"(?:(?<sign>(?<![\w)])" + Minus + @")\s*)?"
        + @"(?:(?:(?:USD?)?\s*\\?[$€£¥₹]|USD)\s*(?:(?<sign>" + Minus + @")\s*)?)?"
        + @"(?:(?<whole>\d+)\s+(?=\d+/\d))?"
        + "(?<number>" + Whole + @"(?:\.\d+)?|\.\d+)"
        + @"(?:\s*/\s*(?:\\?[$€£¥₹])?(?<bottom>" + Whole + @"(?:\.\d+)?|\.\d+))?")]
    private static partial Regex Numbers();

    [GeneratedRegex(Separator)]
    private static partial Regex Separators();

    [GeneratedRegex(@"\\[tdc]?frac\s*\{([\d.,]+)\}\s*\{([\d.,]+)\}")]
    private static partial Regex LatexFractions();

    [GeneratedRegex("[½¼¾⅓⅔]")]
    private static partial Regex Vulgar();

    [GeneratedRegex(@"^(?:\${1,2}[^$]+\${1,2}|\\\(.+?\\\)|\\\[.+?\\\])", RegexOptions.Singleline)]
    private static partial Regex Formula();

    [GeneratedRegex(@"(?<!\b[ap]\.m)\.(?:\s+(?=[A-Z$\\*])|\s*$)")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"####\s*[-+]?\$?[\d.]")]
    private static partial Regex Gsm8kReference();

    [GeneratedRegex("<<[^>]*>>")]
    private static partial Regex Calculations();
}
