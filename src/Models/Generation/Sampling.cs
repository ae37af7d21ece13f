using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Chooses the next tokens.</summary>
internal sealed class Sampling(GenerationOptions options) : IDisposable
{
    private readonly Generator generator = new(options.Seed, CPU);

    /// <summary>One id for each row of logits [batch, vocabulary].</summary>
    /// <exception cref="ArithmeticException">A row holds NaN, or nothing that is likely at all.</exception>
    public int[] Next(Tensor logits)
    {
        using var scope = NewDisposeScope();
        if (options.Temperature == 0)
        {
            // In one piece, so that the CPU waits for the model's device once.
            var read = Ids(cat([logits.argmax(-1), AreFinite(logits).to(int64).view(1)]));
            Require(read[^1] == 1);
            return read[..^1];
        }

        // The likeliest stays at 0, however cold it is.
        var exact = logits.cpu().to(float64);
        Require(AreFinite(exact).item<bool>());
        var scores = ((exact - exact.amax([-1], keepdim: true)) / options.Temperature).to(float32);
        if (options.TopK > 0)
        {
            var (best, _) = scores.topk((int)Math.Min(options.TopK, scores.shape[1]), -1);
            scores.masked_fill_(scores < best.narrow(1, best.shape[1] - 1, 1), double.NegativeInfinity);
        }

        var probabilities = scores.softmax(-1);
        if (options.TopP < 1)
        {
            // A token stays if the likelier ones do not reach the share without it.
            var (sorted, order) = probabilities.sort(-1, descending: true);
            sorted.masked_fill_(sorted.cumsum(-1) - sorted >= options.TopP, 0);
            probabilities = zeros_like(probabilities).scatter_(1, order, sorted);
        }

        return Ids(multinomial(probabilities, 1, generator: generator).squeeze(1));
    }

    public void Dispose() => generator.Dispose();

    private static Tensor AreFinite(Tensor logits) => logits.amax(-1).isfinite().all();

    private static void Require(bool areFinite)
    {
        if (!areFinite)
        {
            throw new ArithmeticException(
                "The model's logits hold NaN or infinity, so no token follows; check its weights, and decode a model "
                + "that was trained in bfloat16 in bfloat16 or float32, not in float16.");
        }
    }

    private static int[] Ids(Tensor ids) => [.. ids.cpu().data<long>().ToArray().Select(id => (int)id)];
}
