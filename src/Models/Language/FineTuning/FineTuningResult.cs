using System.Text.Json.Nodes;

namespace Marrow.Language;

/// <summary>What a method reached with a seed.</summary>
/// <param name="Method">Its name.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Trainable">How many parameters were trained.</param>
/// <param name="Losses">The loss of every step.</param>
/// <param name="HeldOutLosses">Held-out losses on the way, with their steps.</param>
/// <param name="Milliseconds">The time of every step that this process took.</param>
/// <param name="Score">What the model does with held-out texts at the end.</param>
/// <param name="PeakMb">
/// The most memory that it took, in MiB, on a CUDA device that of the device; null if nobody knows.
/// </param>
public sealed record FineTuningResult(
    string Method,
    int Seed,
    long Trainable,
    IReadOnlyList<double> Losses,
    IReadOnlyList<(int Step, double Loss)> HeldOutLosses,
    IReadOnlyList<double> Milliseconds,
    FineTuningScore Score,
    double? PeakMb = null)
{
    private const int LargestWindow = 20;

    /// <summary>Mean loss of the first steps.</summary>
    public double LossFirst => Losses.Take(Window(Losses.Count)).Average();

    /// <summary>Mean loss of the last steps.</summary>
    public double LossLast => Losses.TakeLast(Window(Losses.Count)).Average();

    /// <summary>The median time of a step; null if an earlier process had taken all of them.</summary>
    public double? MsPerStep => Milliseconds.Count > 0
        ? Milliseconds.Order().ElementAt(Milliseconds.Count / 2)
        : null;

    /// <summary>Steps over which the first and the last loss are averaged.</summary>
    public static int Window(int steps) => Math.Clamp(steps / 10, 1, LargestWindow);

    /// <summary>The result as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["method"] = Method,
        ["seed"] = Seed,
        ["trainable"] = Trainable,
        ["lossFirst"] = LossFirst,
        ["lossLast"] = LossLast,
        ["heldOutLoss"] = Score.Loss,
        ["accuracy"] = Score.Accuracy,
        ["msPerStep"] = MsPerStep,
        ["peakMb"] = PeakMb,
        ["losses"] = new JsonArray([.. Losses.Select(loss => JsonValue.Create(Math.Round(loss, 4)))]),
        ["heldOutLosses"] = new JsonArray([.. HeldOutLosses.Select(point => new JsonObject
        {
            ["step"] = point.Step,
            ["loss"] = Math.Round(point.Loss, 4),
        })]),
    };
}
