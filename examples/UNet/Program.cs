// Trains a U-Net to tell discs from squares, pixel by pixel, in noisy pictures made by the program.
//     dotnet run -c Release --project examples/UNet            about half a minute; ends with a mean IoU of 0.9
using System.Globalization;
using Marrow;
using Marrow.Examples;
using Marrow.Examples.UNet;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var steps = 160;
if (!Usage.IsSteps(args, $"Usage: UNet [steps]; {steps} steps if not given.", ref steps))
{
    return;
}

const int BatchSize = 16;

manual_seed(1);
var unseen = Shapes.Generate(64, seed: int.MaxValue);
using var model = new UNet(channels: 1, width: 8, levels: 3, Shapes.Classes);
using var training = new Training<(Tensor Pictures, Tensor Classes)>(
    model,
    number => Shapes.Generate(BatchSize, seed: (int)number), // never the same pictures twice
    batch => cross_entropy(model.call(batch.Pictures), batch.Classes),
    new()
    {
        Steps = steps,
        Rate = new CosineSchedule(1e-2, steps, WarmUp: 20),
        ClipNorm = 1,
        AverageDecay = 0.95,
        Evaluation = new(MeanIou, Every: 40, HigherIsBetter: true, Patience: int.MaxValue),
    });
training.Run(progress =>
{
    if (progress.Score is { } score)
    {
        Console.WriteLine($"step {progress.Step,4}   loss {progress.Loss:F3}   mean IoU {score:F3}");
    }
});
Console.WriteLine($"Best mean IoU on pictures it has not seen: {training.BestScore:F3}");
Console.WriteLine(Picture());

// Intersection over union of each class, and their mean.
double MeanIou()
{
    var says = model.call(unseen.Pictures).argmax(1);
    return Enumerable.Range(0, Shapes.Classes).Average(kind =>
    {
        var (a, b) = (says == kind, unseen.Classes == kind);
        return a.logical_and(b).sum().item<long>() / (double)Math.Max(1, a.logical_or(b).sum().item<long>());
    });
}

// What the model sees in the first picture, two rows to a line.
string Picture()
{
    model.eval();
    using var noGrad = no_grad();
    var says = model.call(unseen.Pictures[..1]).argmax(1)[0].data<long>().ToArray();
    return string.Join('\n', says.Chunk(Shapes.Edge).Where((_, row) => row % 2 == 0).Select(row =>
        string.Concat(row.Select(kind => ".o#"[(int)kind]))));
}
