using System.Globalization;
using System.Text.RegularExpressions;

namespace Marrow.Language;

/// <summary>
/// Whether two final answers of competition problems are the same, as the MATH data set judges it (arXiv 2103.03874):
/// both are brought to one way of writing (fractions, roots, units, percent, degrees, spaces, leading zeros), then
/// compared; what are plain numbers or fractions in the end is compared as such.
/// </summary>
public static partial class MathAnswer
{
    private static readonly (string Old, string New)[] Spellings =
    [
        ("\n", ""), (@"\!", ""), (@"\\", @"\"), ("tfrac", "frac"), ("dfrac", "frac"), (@"\left", ""), (@"\right", ""),
        (@"^{\circ}", ""), (@"^\circ", ""), (@"\$", ""), ("$", ""), (@"\%", ""), ("%", ""), (@"\,", ""), (@"\;", ""),
            (@"\ ", ""), ("{,}", ""), (@"\cdot", "*"), (@"\times", "*"),
    ];

    /// <summary>Whether the answers are the same.</summary>
    public static bool AreEquivalent(string one, string other)
    {
        var (a, b) = (Normal(one), Normal(other));
        return a == b || (Value(a) is { } x && Value(b) is { } y && x.Top * y.Bottom == y.Top * x.Bottom);
    }

    /// <summary>An answer in the one way of writing.</summary>
    public static string Normal(string answer)
    {
        var text = answer.Trim().TrimEnd('.');
        foreach (var (old, @new) in Spellings)
        {
            text = text.Replace(old, @new, StringComparison.Ordinal);
        }

        // Units are written behind the number, as text.
        text = Units().Replace(text, "");
        text = Words().Replace(text, "$1");
        text = BareDecimals().Replace(text, "${before}0.");

        // "x = 5" states 5, if what is left of the sign is short.
        if (text.Split('=') is [{ Length: <= 3 } name, var value] && name.Trim().Length <= 2)
        {
            text = value;
        }

        text = BareRoots().Replace(text, @"\sqrt{$1}");
        text = text.Replace(" ", "", StringComparison.Ordinal);
        text = Fractions(text);
        text = Thousands().Replace(text, "");
        text = SimpleFraction().Replace(text, @"\frac{$1}{$2}");
        return text == "0.5" ? @"\frac{1}{2}" : text;
    }

    /// <summary>\frac12, \frac1{72} and the like with both braces.</summary>
    private static string Fractions(string text)
    {
        const string frac = @"\frac";
        var parts = text.Split(frac);
        for (var i = 1; i < parts.Length; i++)
        {
            var part = parts[i];
            if (part.Length >= 2 && part[0] != '{')
            {
                part = part[1] == '{' ? $"{{{part[0]}}}{part[1..]}" : $"{{{part[0]}}}{{{part[1]}}}{part[2..]}";
            }

            parts[i] = part;
        }

        return string.Join(frac, parts);
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
            && Math.Abs(top) < MostValue && Math.Abs(bottom) < MostValue
                ? (match.Groups["sign"].Length > 0 ? -top : top, bottom)
                : null;
    }

    private const decimal MostValue = 1_000_000_000_000; // products of two stay exact

    private static decimal? Decimal(string text) =>
        decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < MostValue
            ? number
            : null;

    [GeneratedRegex(@"(?<=[\d}])\s*\\(?:text|mbox|mathrm)\s*\{[^{}]*\}\s*(?:\^\{?\d\}?)?$")]
    private static partial Regex Units();

    [GeneratedRegex(@"\\(?:text|mbox|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")]
    private static partial Regex Words();

    [GeneratedRegex(@"(?<before>^|[\s{(,\[-])\.(?=\d)")]
    private static partial Regex BareDecimals();

    [GeneratedRegex(@"\\sqrt\s*([^\s{\[])")]
    private static partial Regex BareRoots();

    [GeneratedRegex(@"(?<=^-?\d{1,3}(?:,\d{3})*),(?=\d{3}(?:,\d{3})*(?:\.\d+)?$)")]
    private static partial Regex Thousands();

    [GeneratedRegex(@"^(-?\d+)/(-?\d+)$")]
    private static partial Regex SimpleFraction();

    [GeneratedRegex(@"^(?<sign>-?)\\frac\{(?<top>-?[\d.]+)\}\{(?<bottom>-?[\d.]+)\}$")]
    private static partial Regex WholeFraction();
}
