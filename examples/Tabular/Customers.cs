using static TorchSharp.torch;

namespace Marrow.Examples.Tabular;

/// <summary>Rows of a table.</summary>
/// <param name="Numbers">[n, columns], float32.</param>
/// <param name="Region">[n], int64.</param>
/// <param name="Label">What is recorded, [n], float32: 0 or 1.</param>
/// <param name="Truth">What the rule says, [n], bool.</param>
internal sealed record Table(Tensor Numbers, Tensor Region, Tensor Label, Tensor Truth)
{
    /// <summary>How many there are.</summary>
    public int Count => (int)Region.size(0);

    /// <summary>Some of them.</summary>
    public Table Rows(long[] rows)
    {
        var index = tensor(rows);
        return new(Numbers[index], Region[index], Label[index], Truth[index]);
    }
}

/// <summary>
/// Customers of a made-up company: age, income, months since they came, complaints, and their region, which decides how
/// much complaints count. They renew if income and months outweigh complaints, and the very young never do.
/// </summary>
internal static class Customers
{
    /// <summary>Columns of numbers.</summary>
    public const int Columns = 4;

    /// <summary>Regions.</summary>
    public const int Regions = 12;

    /// <summary>Makes some; one recorded label in twenty is wrong.</summary>
    public static Table Generate(int count, int seed)
    {
        var random = new Random(seed);
        var (numbers, region) = (new float[count, Columns], new long[count]);
        var (label, truth) = (new float[count], new bool[count]);
        for (var row = 0; row < count; row++)
        {
            var (age, income) = (random.Next(18, 80), 20_000 + (80_000 * random.NextDouble()));
            var (months, complaints) = (random.Next(0, 60), random.Next(0, 6));
            region[row] = random.Next(Regions);
            truth[row] = age >= 25
                && (income / 50_000) + (months / 30.0) > complaints * (region[row] % 3 == 0 ? 1.5 : 0.5);
            label[row] = truth[row] != random.Next(20) < 1 ? 1 : 0;
            (numbers[row, 0], numbers[row, 1]) = (age, (float)income);
            (numbers[row, 2], numbers[row, 3]) = (months, complaints);
        }

        return new(tensor(numbers), tensor(region), tensor(label), tensor(truth));
    }
}
