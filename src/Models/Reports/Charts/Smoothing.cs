namespace Marrow.Reports;

/// <summary>
/// Local linear regression with Gaussian weights (Cleveland 1979 without its robust step). It does not lag, and at the
/// ends, where there are neighbors on one side alone, it follows the slope instead of jumping to single values.
/// </summary>
internal static class Smoothing
{
    private const int BandwidthShare = 40, Reach = 3;

    /// <summary>Points with smoothed values.</summary>
    public static IReadOnlyList<(double X, double Y)> Of(IReadOnlyList<(double X, double Y)> points)
    {
        var bandwidth = Math.Max(1.0, (double)points.Count / BandwidthShare);
        var reach = (int)(Reach * bandwidth);
        return [.. points.Select((point, i) => (point.X, At(i)))];

        double At(int i)
        {
            double weights = 0, first = 0, second = 0, values = 0, products = 0;
            for (var j = Math.Max(0, i - reach); j <= Math.Min(points.Count - 1, i + reach); j++)
            {
                var (distance, y) = ((j - i) / bandwidth, points[j].Y);
                var weight = Math.Exp(-0.5 * distance * distance);
                weights += weight;
                first += weight * distance;
                second += weight * distance * distance;
                values += weight * y;
                products += weight * distance * y;
            }

            var determinant = (weights * second) - (first * first);
            return determinant > 1e-9 * weights * weights
                ? ((second * values) - (first * products)) / determinant
                : values / weights;
        }
    }
}
