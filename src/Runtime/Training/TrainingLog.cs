using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>What a training tells TensorBoard.</summary>
/// <param name="folder">The folder.</param>
/// <param name="every">Steps between entries.</param>
/// <param name="tracker">The oscillation tracker, or null.</param>
internal sealed class TrainingLog(string folder, int every, OscillationTracker? tracker)
{
    private readonly SummaryWriter writer = utils.tensorboard.SummaryWriter(folder);

    public void Write(TrainingProgress progress)
    {
        if (progress.Score is { } score)
        {
            Add("score", score);
        }

        if (progress.Step % every != 0 && progress.Step != progress.Steps)
        {
            return;
        }

        Add("loss", progress.Loss);
        Add("rate", progress.Rate);
        Add("gradient_norm", progress.GradientNorm);
        if (progress.Frozen is { } frozen)
        {
            Add("annealing/frozen", frozen);
        }

        foreach (var weight in tracker?.Weights().Append(tracker.Overall()) ?? [])
        {
            Add($"oscillating/{weight.Name}", weight.Oscillating);
            Add($"frequency/{weight.Name}", weight.MeanFrequency);
            Add($"changing/{weight.Name}", weight.Changing);
            Add($"level_width/{weight.Name}", weight.LevelWidth);
        }

        void Add(string name, double value) => writer.add_scalar(name, (float)value, progress.Step);
    }
}
