using System.Globalization;
using System.Text.RegularExpressions;

namespace Marrow.Language;

/// <summary>
/// Whether two final answers of competition problems are the same, as the MATH data set judges it (<c>is_equiv</c> of
/// arXiv 2103.03874): both are brought to one way of writing (fractions, roots, units, percent, degrees, spaces,
/// leading zeros), then compared.
/// </summary>
/// <remarks>
/// More is the same than there: delimiters and boxes around the answer, thousands' separators, unit words without
/// <c>\text</c>, and what are plain numbers or fractions in the end is compared as such. Less is the same where that
/// scorer slips: it cuts an answer at the first <c>\text{ …}</c> ("19 \text{ and }43" is 19), and takes
/// <c>\left</c> out of <c>\leftarrow</c>.
/// </remarks>
public static partial class MathAnswer
{
    private const string Fraction = @"\frac";

    private const decimal MostValue = 1_000_000_000_000; // products of two stay exact

    // Rows of a matrix, while the spaces and other breaks of lines go.
    private const char Row = '\n';

    private static readonly (Regex Old, string New)[] Spellings =
    [
        (Dashes(), "-"), (Degrees(), ""), (Multiplications(), "*"), (Sizes(), ""), (Fractions(), Fraction),
        (ThinSpaces(), " "), (Signs(), ""),
    ];

    /// <summary>Whether the answers are the same.</summary>
    public static bool AreEquivalent(string one, string other)
    {
        var (a, b) = (Normal(one), Normal(other));
        return a == b || Written(one, asList: true) == Written(other, asList: true)
            || (Value(a) is { } x && Value(b) is { } y && x.Top * y.Bottom == y.Top * x.Bottom);
    }

    /// <summary>An answer in the one way of writing.</summary>
    public static string Normal(string answer) => Written(answer, asList: false);

    /// <summary>The same; "100,200" may be a number or a list of two.</summary>
    private static string Written(string answer, bool asList)
    {
        var text = OneLine(answer);
        text = GroupingCommas().Replace(text, asList ? "," : "");
        foreach (var (old, @new) in Spellings)
        {
            text = old.Replace(text, @new);
        }

        text = Opened(text).TrimEnd('.', ' ');
        text = Units().Replace(text, "");
        text = Conjunctions().Replace(text, ",");
        text = Words().Replace(text, "$1");
        text = UnitWords().Replace(text, "");
        text = BareDecimals().Replace(text, "0.");
        if (!asList && Thousands().IsMatch(text))
        {
            text = text.Replace(",", "", StringComparison.Ordinal);
        }

        // "x = 5" states 5.
        if (text.Split('=') is [{ Length: <= 3 } name, var value] && name.Trim().Length <= 2)
        {
            text = value;
        }

        text = BareRoots().Replace(text, @"\sqrt{$1}");
        text = Spaces().Replace(text, "").Trim().TrimEnd('.');
        text = Braced(text);
        text = SimpleFraction().Replace(text, @"$1\frac{$2}{$3}");
        text = SingleScripts().Replace(text, "$1$2");
        return text == "0.5" ? @"\frac{1}{2}" : text;
    }

    /// <summary>On one line, the rows of matrices and cases marked.</summary>
    private static string OneLine(string answer)
    {
        var text = LineBreaks().Replace(answer.Trim(), " ");

        // Outside of rows a doubled backslash is one that was escaped.
        text = text.Contains(@"\\begin", StringComparison.Ordinal)
            ? text.Replace(@"\\", @"\", StringComparison.Ordinal)
            : text.Contains(@"\begin", StringComparison.Ordinal) ? text : EscapedCommands().Replace(text, @"\");
        return LastRows().Replace(Rows().Replace(text, $"{Row}"), "");
    }

    /// <summary>Without what stands around all of it: delimiters of mathematics, boxes, braces, stars.</summary>
    private static string Opened(string text)
    {
        for (var shorter = text; ; text = shorter)
        {
            shorter = text.Trim();
            if (Opening().Match(shorter) is { Success: true } brace
                && LatexGroup.End(shorter, brace.Length - 1) == shorter.Length)
            {
                shorter = shorter[brace.Length..^1];
            }
            else if (shorter is ['*', '*', .. var inner, '*', '*'])
            {
                shorter = inner;
            }

            if (shorter == text)
            {
                return text;
            }
        }
    }

    /// <summary>\frac12, \frac1{72}, \frac\pi2 and the like with both braces.</summary>
    private static string Braced(string text)
    {
        for (var at = text.IndexOf(Fraction, StringComparison.Ordinal);
            at >= 0;
            at = text.IndexOf(Fraction, at + Fraction.Length, StringComparison.Ordinal))
        {
            var top = at + Fraction.Length;
            for (var argument = 0; argument < 2 && top < text.Length; argument++)
            {
                var end = Argument().Match(text, top) is { Success: true } match
                    ? top + match.Length
                    : LatexGroup.End(text, top) ?? text.Length;
                if (text[top] != '{')
                {
                    text = $"{text[..top]}{{{text[top..end].Trim()}}}{text[end..].TrimStart()}";
                    end = text.IndexOf('}', top) + 1;
                }

                top = end;
            }
        }

        return text;
    }

    /// <summary>
    /// The value of a whole number, decimal or fraction of such, as a fraction; null for anything else.
    /// </summary>
    private static (decimal Top, decimal Bottom)? Value(string text)
    {
        if (Decimal(text) is { } whole)
        {
            return (whole, 1);
        }

        return WholeFraction().Match(text) is { Success: true } match
            && Decimal(match.Groups["top"].Value) is { } top
                && Decimal(match.Groups["bottom"].Value) is { } bottom and not 0
                ? (match.Groups["sign"].Length > 0 ? -top : top, bottom)
                : null;
    }

    private static decimal? Decimal(string text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < MostValue
            ? number
            : null;

    [GeneratedRegex(@"\s*[\r\n]\s*")]
    private static partial Regex LineBreaks();

    [GeneratedRegex(@"\\\\(?=[A-Za-z$%!,;\{\}])")]
    private static partial Regex EscapedCommands();

    [GeneratedRegex(@"\s*\\\\(?:\s*\[[\d.]+\s*[a-z]{2}\])?\s*")]
    private static partial Regex Rows();

    [GeneratedRegex(@"\n(?=\\end)")]
    private static partial Regex LastRows();

    [GeneratedRegex(@"(?<=\d)(?:,\\!|\{,\}\\?!?|\\,)(?=\d{3}(?!\d))")]
    private static partial Regex GroupingCommas();

    [GeneratedRegex("[\u2212\u2010\u2011\u2013\uFE63\uFF0D]")]
    private static partial Regex Dashes();

    [GeneratedRegex(@"\s*(?:\^\s*\{?\s*(?:\\[,!])?\s*\\circ(?![A-Za-z])\s*\}?|°|\^?\{?\\degree(?![A-Za-z])\}?)")]
    private static partial Regex Degrees();

    [GeneratedRegex(@"\\(?:cdot|times)(?![A-Za-z])|[×·]")]
    private static partial Regex Multiplications();

    [GeneratedRegex(@"\\(?:left|right|displaystyle|[bB]igg?[lr]?)(?![A-Za-z])")]
    private static partial Regex Sizes();

    [GeneratedRegex(@"\\[tdc]frac(?![A-Za-z])")]
    private static partial Regex Fractions();

    [GeneratedRegex(@"\\[,;: ]|~|\\q?quad(?![A-Za-z])")]
    private static partial Regex ThinSpaces();

    /// <summary>What counts for nothing: dollars, percent, negative spaces, delimiters.</summary>
    [GeneratedRegex(@"\\?[$%]|\\!|\\[()\[\]]")]
    private static partial Regex Signs();

    [GeneratedRegex(@"^(?:\\(?:boxed|fbox)\s*)?\{")]
    private static partial Regex Opening();

    /// <summary>Units are written behind the number, as text that begins with a space, or stand behind one.</summary>
    [GeneratedRegex(
        @"(?<=[\d})A-Za-z])(?:\s*\\(?:text|mbox|mathrm)\s*\{\s+(?!(?:and|or)\b)[^{}]*\}"
        + @"|\s+\\(?:text|mbox|mathrm)\s*\{(?!(?:and|or)\b)[a-z]{2}[^{}]*\}"
        + @"|\s*\\(?:text|mbox|mathrm)\s*\{" + UnitNames + @"\.?\})(?:\s*\^\s*\{?\d\}?)?\s*$")]
    private static partial Regex Units();

    [GeneratedRegex(@"(?<=[\d})])\s+" + UnitNames + @"(?:\s*\^\s*\{?\d\}?)?\s*$")]
    private static partial Regex UnitWords();

    [GeneratedRegex(@",?\s*(?:\\(?:text|mbox|mathrm)\s*\{\s*,?\s*and\s*\}|\band\b)")]
    private static partial Regex Conjunctions();

    [GeneratedRegex(@"\\(?:text|mbox|mathrm|textbf|mathbf|textit|textrm|textnormal)\s*\{([^{}]*)\}")]
    private static partial Regex Words();

    [GeneratedRegex(@"(?<![\d.])\.(?=\d)")]
    private static partial Regex BareDecimals();

    [GeneratedRegex(@"\\sqrt\s*([^\s{\[\\]|\\(?!frac)[A-Za-z]+)")]
    private static partial Regex BareRoots();

    /// <summary>All but those that part a command from a letter, and the marks of rows.</summary>
    [GeneratedRegex(@"(?<!\\[A-Za-z]+) +| +(?![A-Za-z ])")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"\G(?:\s*\\[A-Za-z]+|\s*[^\\{\s])")]
    private static partial Regex Argument();

    [GeneratedRegex(@"^\s*[-+]?\s*\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*$")]
    private static partial Regex Thousands();

    [GeneratedRegex(@"^(-?)(\d+|\d*(?:\\pi|[A-Za-z]))/(\d+|\d*(?:\\pi|[A-Za-z]))$")]
    private static partial Regex SimpleFraction();

    [GeneratedRegex(@"([\^_])\{(\w)\}")]
    private static partial Regex SingleScripts();

    [GeneratedRegex(@"^(?<sign>-?)\\frac\{(?<top>-?[\d.]+)\}\{(?<bottom>-?[\d.]+)\}$")]
    private static partial Regex WholeFraction();

    private const string UnitNames =
        @"(?:(?:square|sq\.?|cubic|cu\.?)\s*)?(?:units?|[cmk]m|in|inch(?:es)?|ft|feet|foot|yards?|yds?|miles?|mi|mph|"
        + "meters?|(?:centi|milli|kilo)meters?|[km]g|gm|grams?|kilograms?|lbs?|pounds?|ounces?|oz|tons?|liters?|ml|mL|"
        + "gallons?|seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|degrees?|radians?|dollars?|"
        + "cents?|percent|points?|ways?|people|students?|integers?|digits?|numbers?|times|edges|multiples|meals|"
        + @"tickets?|[ap]\.m\.?)";
}
