using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>The WKV6 recurrence against a loop over the tokens, forward and backward, and how its time grows.</summary>
internal static class RecurrenceBenchmarks
{
    private const int Heads = 8, Size = 64;

    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        if (!wanted("wkv6"))
        {
            yield break;
        }

        set_num_threads(2);
        foreach (var batch in new[] { 1, 4 })
        {
            var run = new SideBySide()
                .Add("fused", Step(batch, 512, Wkv6.Run))
                .Add("loop", Step(batch, 512, Wkv6.Plain))
                .Run(11, warmUps: 5);
            yield return new("wkv6", $"{batch} x 512 tokens, 8 heads of 64", "forward and backward, times faster",
                run["loop"] / run["fused"], "loop over the tokens");
        }

        var growth = new SideBySide()
            .Add("512", Step(1, 512, Wkv6.Run))
            .Add("4096", Step(1, 4096, Wkv6.Run))
            .Run(31, warmUps: 5);
        yield return new("wkv6", "4096 tokens", "time a token", growth["4096"] / growth["512"] / 8, "512 tokens");
    }

    private static Action Step(
        int batch, int tokens, Func<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor?, (Tensor, Tensor)> recurrence)
    {
        var inputs = Enumerable.Range(0, 4)
            .Select(i => i == 3 ? rand(batch, tokens, Heads * Size) : randn(batch, tokens, Heads * Size))
            .Select(input => input.requires_grad_())
            .Append(randn(Heads, Size, requires_grad: true))
            .ToArray();
        var dy = randn(batch, tokens, Heads * Size);
        return () =>
        {
            using var scope = NewDisposeScope();
            var (y, _) = recurrence(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], null);
            y.backward([dy]);
            foreach (var input in inputs)
            {
                input.grad = null;
            }
        };
    }
}
