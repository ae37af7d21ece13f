using System.Globalization;

namespace Marrow.Reports;

/// <summary>Values to places along an axis, and the round values that are marked there.</summary>
/// <param name="Low">The lowest value.</param>
/// <param name="High">The highest.</param>
/// <param name="Start">The place of the lowest.</param>
/// <param name="End">The place of the highest.</param>
/// <param name="IsLogarithmic">Whether equal ratios have equal lengths; then all values are positive.</param>
internal sealed record AxisScale(double Low, double High, double Start, double End, bool IsLogarithmic = false)
{
    /// <summary>The place of a value; values outside lie at the ends.</summary>
    public double Place(double value) =>
        Start + ((Position(Math.Clamp(value, Low, High)) - Position(Low)) / Length * (End - Start));

    /// <summary>The values that are marked.</summary>
    /// <param name="count">About how many there may be.</param>
    public IEnumerable<double> Marks(int count)
    {
        if (IsLogarithmic && High / Low > 3)
        {
            double[] digits = High / Low < 20 ? [1, 1.5, 2, 3, 5, 7] : High / Low < 1000 ? [1, 2, 5] : [1];
            return
                from power in Enumerable.Range(-12, 25)
                from digit in digits
                let value = digit * Math.Pow(10, power)
                where value >= Low && value <= High
                select value;
        }

        var rough = Math.Max(High - Low, double.Epsilon) / count;
        var step = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        step *= ((double[])[1, 2, 5, 10]).First(digit => digit * step >= rough * 0.999);
        var first = (long)Math.Ceiling((Low / step) - 1e-9);
        return Enumerable.Range(0, (int)(Math.Floor((High / step) + 1e-9) - first) + 1)
            .Select(number => (first + number) * step);
    }

    /// <summary>A marked value as text.</summary>
    public static string Text(double value) => value.ToString(
        Math.Abs(value) is >= 1e6 or (> 0 and < 1e-4) ? "0.##E0" : "#,0.#####", CultureInfo.InvariantCulture);

    private double Length => Math.Max(Position(High) - Position(Low), 1e-12);

    private double Position(double value) => IsLogarithmic ? Math.Log10(value) : value;
}
