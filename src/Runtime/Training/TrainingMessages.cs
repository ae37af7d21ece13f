using Microsoft.Extensions.Logging;

namespace Marrow;

/// <summary>What a training tells the application's log.</summary>
internal static partial class TrainingMessages
{
    [LoggerMessage(1, LogLevel.Information, "Training {Model}, steps {First} to {Steps}")]
    public static partial void Begins(this ILogger logger, string model, int first, int steps);

    [LoggerMessage(2, LogLevel.Information, "Step {Step} of {Steps}: loss {Loss:G5}, rate {Rate:G3}, norm {Norm:G3}")]
    public static partial void Steps(this ILogger logger, int step, int steps, double loss, double rate, double norm);

    [LoggerMessage(3, LogLevel.Information, "Step {Step}: score {Score:G5}")]
    public static partial void Measured(this ILogger logger, int step, double score);

    [LoggerMessage(4, LogLevel.Information, "Saved step {Step} in {Checkpoint}")]
    public static partial void Saved(this ILogger logger, int step, string checkpoint);

    [LoggerMessage(5, LogLevel.Information, "Ended after step {Step}")]
    public static partial void Ended(this ILogger logger, int step);
}
