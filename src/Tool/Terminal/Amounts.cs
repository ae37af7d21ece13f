using System.Globalization;

namespace Marrow.Tool.Terminal;

/// <summary>Numbers as people read them.</summary>
internal static class Amounts
{
    private static readonly string[] ByteUnits = ["bytes", "KB", "MB", "GB", "TB", "PB"];
    private static readonly string[] CountUnits = ["", " thousand", " million", " billion", " trillion"];

    /// <summary>Every digit, in groups.</summary>
    public static string Exact(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number with its noun: 1 text, 7,473 texts.</summary>
    public static string Of(long number, string noun) => $"{Exact(number)} {noun}{(number == 1 ? "" : "s")}";

    /// <summary>Three digits: 134.5 million.</summary>
    public static string Count(long number) => Rounded(number, CountUnits);

    /// <summary>Three digits in decimal units: 1 GB has 10⁹ bytes.</summary>
    public static string Bytes(long number) => number < 1000 ? $"{number} bytes" : Rounded(number, ByteUnits, " ");

    private static string Rounded(double number, string[] units, string space = "")
    {
        var unit = 0;
        for (; Math.Abs(number) >= 999.5 && unit < units.Length - 1; unit++)
        {
            number /= 1000;
        }

        var format = unit == 0 || number >= 99.95 ? "F0" : number >= 9.995 ? "F1" : "F2";
        return number.ToString(format, CultureInfo.InvariantCulture) + space + units[unit];
    }
}
