using Marrow.Language;

namespace Marrow.Examples.FineTune.Data;

/// <summary>
/// Arithmetic and word problems with worked answers. One step is what the base is pretrained on; problems of two
/// steps are the task to fine-tune on: the same words and sums, but the answer needs one result to go into the next.
/// </summary>
/// <param name="seed">Decides the problems.</param>
internal sealed class GeneratedProblems(int seed)
{
    private static readonly string[] Names = ["Tom", "Ann", "Sam", "Eva", "Ben", "Mia"];
    private static readonly string[] Things = ["pens", "cups", "nuts", "eggs", "toys", "hats"];
    private static readonly string[] Gains = ["gets", "buys", "finds"];
    private static readonly string[] Losses = ["loses", "sells", "gives"];

    private const int LargestStart = 9, LargestTotal = 20, LargestChange = 5, LargestFactor = 4;

    private readonly Random random = new(seed);

    /// <summary>Problems of one step: bare sums, gains and losses, boxes of things.</summary>
    public IEnumerable<Instruction> OneStep()
    {
        while (true)
        {
            // Beyond what someone has at first, so that the sums of a second step are known too.
            var (start, text, steps) = Start(LargestTotal);
            var bare = random.Next(3) == 0;
            if (steps.Count == 0)
            {
                text = Change(text, ref start, steps);
            }

            var sum = steps[0].Split('=')[0];
            yield return Finish(bare ? $"{sum}=?" : $"{text}. How many?", steps, start);
        }
    }

    /// <summary>Problems of two steps, each a change of what was there before.</summary>
    public IEnumerable<Instruction> TwoSteps()
    {
        while (true)
        {
            var (total, text, steps) = Start(LargestStart);
            while (steps.Count < 2)
            {
                text = Change(text, ref total, steps);
            }

            yield return Finish($"{text}. How many?", steps, total);
        }
    }

    /// <summary>What someone has: a number, or boxes, which are a multiplication already.</summary>
    private (int Total, string Text, List<string> Steps) Start(int largest)
    {
        var (name, things) = (Pick(Names), Pick(Things));
        if (random.Next(4) > 0)
        {
            var count = random.Next(3, largest + 1);
            return (count, $"{name} has {count} {things}", []);
        }

        var (boxes, each) = (random.Next(2, LargestFactor + 1), random.Next(2, LargestFactor + 1));
        return (boxes * each, $"{name} has {boxes} boxes of {each} {things}", [$"{boxes}*{each}={boxes * each}"]);
    }

    private string Change(string text, ref int total, List<string> steps)
    {
        var gains = total <= 2 || random.Next(2) == 0;
        var change = random.Next(2, Math.Min(gains ? LargestChange : total - 1, LargestChange) + 1);
        var after = gains ? total + change : total - change;
        steps.Add($"{total}{(gains ? '+' : '-')}{change}={after}");
        total = after;
        var link = text.Contains(',', StringComparison.Ordinal) ? " and" : ",";
        return $"{text}{link} {Pick(gains ? Gains : Losses)} {change}";
    }

    private static Instruction Finish(string question, List<string> steps, int answer) =>
        new(question, FormattableString.Invariant($"{string.Join('\n', steps)}\n{FinalAnswer.HashMarker} {answer}"));

    private string Pick(string[] words) => words[random.Next(words.Length)];
}
