using Marrow.Examples.FineTune;
using Marrow.Examples.FineTune.Data;
using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.FineTune;

public sealed class TrainingTests
{
    private static readonly LlamaSizes Tiny = new(CharacterTokenizer.VocabularySize, 16, 16, 2, 2, 2, 64);

    [Fact]
    public void Run_OneScopePerStep_KeepsTheNumberOfTensorsFlat()
    {
        using var model = new BoneRow(Tiny, block: 8);
        var counts = new List<long>();
        var run = TrainingLoop.Run(model, Batches(), 12, 1e-3, (_, _) => counts.Add(Tensor.TotalCount), CancellationToken.None);
        Assert.Equal(Ending.Complete, run.Ending);
        Assert.Equal(counts[3], counts[^1]);
    }

    [Fact]
    public void Run_LossNotFinite_StopsAndLeavesTheWeights()
    {
        using var model = new FullTuning(Tiny);
        using (no_grad())
        {
            model.Norm.Weight.fill_(float.NaN);
        }

        var run = TrainingLoop.Run(model, Batches(), 5, 1e-3, (_, _) => { }, CancellationToken.None);
        Assert.Equal((Ending.Diverged, 1), (run.Ending, run.Losses.Count));
        Assert.True(model.LmHead.Weight.isfinite().all().item<bool>());
    }

    [Fact]
    public void Run_AskedToStop_FinishesTheStep()
    {
        using var model = new FullTuning(Tiny);
        var run = TrainingLoop.Run(model, Batches(), 5, 1e-3, (_, _) => { }, new CancellationToken(canceled: true));
        Assert.Equal((Ending.CutOff, 1), (run.Ending, run.Losses.Count));
    }

    private static Batches Batches()
    {
        using var folder = new TemporaryFolder();
        var encoder = new Encoder(CharacterTokenizer.Write(folder.Path), Tiny.Context);
        return new(encoder.EncodeAll(new GeneratedProblems(1).OneStep().Take(20)).Fitting, 3, 1, CPU);
    }
}
