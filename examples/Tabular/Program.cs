// Trains an own network on a table: will a customer renew? A known rule made the table up, and one recorded label in
// twenty is wrong; the model is measured by what the rule says of customers that it has not seen.
//     dotnet run -c Release --project examples/Tabular            about five seconds; ends near 99 %
using System.Globalization;
using Marrow;
using Marrow.Examples;
using Marrow.Examples.Tabular;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var steps = 1500;
if (!Usage.IsSteps(args, $"Usage: Tabular [steps]; {steps} steps if not given.", ref steps))
{
    return;
}

const int BatchSize = 128;

manual_seed(1);
var (known, unseen) = (Customers.Generate(8000, seed: 1), Customers.Generate(2000, seed: 2));
using var model = new TableNet(Customers.Columns, Customers.Regions, regionWidth: 4, hidden: 64);
using var training = new Training<Table>(
    model,
    number => known.Rows(Order(number)),
    batch => binary_cross_entropy_with_logits(model.call(batch.Numbers, batch.Region), batch.Label),
    new()
    {
        Steps = steps,
        Rate = new OneCycleSchedule(1e-2, steps),
        Optimizer = parameters => new FusedAdamW(parameters, weightDecay: 1e-2),
        ClipNorm = 1,
        AverageDecay = 0.98,
        Evaluation = new(Accuracy, Every: 100, HigherIsBetter: true, Patience: 6),
    });

Console.WriteLine($"Always the same answer: {Math.Max(Share(unseen.Truth), 1 - Share(unseen.Truth)):P1}");
training.Run(progress =>
{
    if (progress.Score is { } score)
    {
        Console.WriteLine($"step {progress.Step,5}   loss {progress.Loss:F3}   accuracy {score:P1}");
    }
});
model.eval();
using (no_grad())
{
    Console.WriteLine($"Accuracy of the best state on customers it has not seen: {Accuracy():P1}");
}

// Which customers are batch number n: each epoch in an order of its own, so that a resumed run sees the same ones.
long[] Order(long number)
{
    var batches = known.Count / BatchSize;
    var order = Enumerable.Range(0, known.Count).Select(row => (long)row).ToArray();
    new Random((int)(number / batches)).Shuffle(order);
    return order[(int)(number % batches * BatchSize)..][..BatchSize];
}

double Accuracy()
{
    var says = model.call(unseen.Numbers, unseen.Region) > 0;
    return says.eq(unseen.Truth).to(float32).mean().item<float>();
}

static double Share(Tensor truth) => truth.to(float32).mean().item<float>();
