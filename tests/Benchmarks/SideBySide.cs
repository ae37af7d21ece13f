using System.Diagnostics;

namespace Marrow.Benchmarks;

/// <summary>
/// Times several ways to do the same thing in turn, so that whatever else the machine does hits all of them alike.
/// Ratios of the medians are what counts; milliseconds depend on the hour. The order changes from round to round,
/// because what ran before decides what is in the caches.
/// </summary>
internal sealed class SideBySide
{
    private readonly List<(string Name, Action Step)> steps = [];

    /// <summary>Adds a way; the step must leave nothing behind.</summary>
    public SideBySide Add(string name, Action step)
    {
        steps.Add((name, step));
        return this;
    }

    /// <summary>Median milliseconds by name.</summary>
    public IReadOnlyDictionary<string, double> Run(int rounds = 31, int warmUps = 3)
    {
        var order = new Random(1);
        var times = steps.ToDictionary(step => step.Name, _ => new List<double>());
        for (var round = -warmUps; round < rounds; round++)
        {
            foreach (var (name, step) in Shuffled(order))
            {
                var start = Stopwatch.GetTimestamp();
                step();
                if (round >= 0) times[name].Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        return times.ToDictionary(pair => pair.Key, pair => Median(pair.Value));
    }

    private (string Name, Action Step)[] Shuffled(Random order)
    {
        var shuffled = steps.ToArray();
        order.Shuffle(shuffled);
        return shuffled;
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }
}
