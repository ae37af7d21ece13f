using Marrow;
using static TorchSharp.torch;

// Three spirals of points: which one does a point belong to?
static (Tensor Points, Tensor Classes) Spirals(long seed)
{
    manual_seed(seed);
    var classes = randint(0, 3, [256], dtype: ScalarType.Int64);
    var radius = rand(256);
    var angle = (radius * 4) + (classes * 2.094) + (randn(256) * 0.1);
    return (stack([radius * angle.cos(), radius * angle.sin()], 1), classes);
}

using var model = new TunedClassifier();
Console.WriteLine(TunedClassifier.Plan);
using var training = new Training<(Tensor Points, Tensor Classes)>(
    model,
    Spirals,
    batch => nn.functional.cross_entropy(model.call(batch.Points), batch.Classes),
    new() { Steps = 300, Rate = new CosineSchedule(1e-2, 300) });
training.Run(step =>
{
    if (step.Step % 50 == 0)
    {
        Console.WriteLine($"step {step.Step}: loss {step.Loss:F3}");
    }
});

model.eval();
using var noGrad = no_grad();
var (points, classes) = Spirals(seed: -1);
var right = model.call(points).argmax(1).eq(classes).to(ScalarType.Float32).mean().item<float>();
Console.WriteLine($"{right:P0} of new points are classified right");
//#if (full)
model.SavePretrained("model");
Console.WriteLine("The weights are in the folder model.");
//#else
model.SaveAdapter("adapter");
Console.WriteLine("The adapter is in the folder adapter, in PEFT's format.");
//#endif
