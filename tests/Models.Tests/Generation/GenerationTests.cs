using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Generation;

// Both architectures, small, the first with fewer key heads than query heads.
[Model]
public sealed partial class SmallLlama() : Models.Llama(50, 32, 48, 2, heads: 4, keyValueHeads: 2, context: 80);

[Model]
public sealed partial class SmallRwkv6() : Models.Rwkv6(50, 32, 48, 2, headSize: 16, mixRank: 4, decayRank: 8);

public sealed class GenerationTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Names => ["llama", "rwkv6"];

    public void Dispose() => scope.Dispose();

    [Theory, MemberData(nameof(Names))]
    public void Greedy_OfPromptsOfDifferentLengths_IsWhatTheWholeModelSays(string name)
    {
        var model = Create(name);
        int[][] prompts = [[1, 2, 3], [4], [7, 8, 9, 10, 11, 12]];
        var texts = Continue(model, prompts, new(30));
        Assert.Equal([33, 31, 36], texts.Select(text => text.Length));
        using var noGrad = no_grad();
        foreach (var (prompt, text) in prompts.Zip(texts))
        {
            var logits = ((nn.Module<Tensor, Tensor>)model.Module).call(
                tensor(text.Select(id => (long)id).ToArray()).unsqueeze(0))[0];
            var expected = logits.argmax(-1).data<long>().ToArray()[(prompt.Length - 1)..^1];
            Assert.Equal(prompt, text[..prompt.Length]);
            Assert.Equal(expected, text[prompt.Length..].Select(id => (long)id));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Logits_OfPartsAndOfTheWhole_AreTheSame(string name)
    {
        var model = Create(name);
        var ids = randint(0, 50, [2, 40]);
        using var noGrad = no_grad();
        var whole = ((nn.Module<Tensor, Tensor>)model.Module).call(ids);
        using var decoding = model.StartDecoding(2);
        foreach (var (first, count) in new[] { (0, 5), (5, 1), (6, 30), (36, 1), (37, 3) })
        {
            var logits = decoding.Append(ids.narrow(1, first, count));
            Assert.True(logits.allclose(whole.select(1, first + count - 1), 1e-4, 1e-5), $"{name} at {first}");
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Stop_EndsOneTextAndNotTheOthers(string name)
    {
        var model = Create(name);
        var free = Continue(model, [[1, 2, 3], [4, 5]], new(12));
        var stop = free[0][6];
        var texts = Continue(model, [[1, 2, 3], [4, 5]], new(12, [stop]));
        Assert.Equal(free[0][..(Array.IndexOf(free[0], stop, 3) + 1)], texts[0]);
        var end = Array.IndexOf(free[1], stop, 2);
        Assert.Equal(end < 0 ? free[1] : free[1][..(end + 1)], texts[1]);
    }

    [Fact]
    public void Context_EndsAText_AndALongerPromptIsRefused()
    {
        var model = Create("llama");
        var texts = Continue(
            model, [[1, 2, 3], [.. Enumerable.Repeat(1, 80)], [.. Enumerable.Repeat(2, 79)]], new(100));
        Assert.Equal([80, 80, 80], texts.Select(text => text.Length));
        Assert.Equal(
            "Prompt 1 (counted from 0) has 81 tokens, more than the model's context of 80; shorten it. "
            + "(Parameter 'prompts')",
            Assert.Throws<ArgumentException>(() =>
                Continue(model, [[1], [.. Enumerable.Repeat(1, 81)]], new(1))).Message);
        Assert.Contains("longer than the model's context of 80", Assert.Throws<ArgumentException>(() =>
            model.StartDecoding(1).Append(zeros([1, 81], dtype: int64))).Message);
        Assert.Contains("no token", Assert.Throws<ArgumentException>(() => Continue(model, [[]], new(1))).Message);
    }

    [Fact]
    public void Sampling_FollowsTheProbabilities_AndIsDecidedByTheSeed()
    {
        var logits = tensor(new[] { 0.1, 0.2, 0.3, 0.4 }).log().to(float32).unsqueeze(0);
        int[] Draw(GenerationOptions options)
        {
            using var sampling = new Sampling(options);
            return [.. Enumerable.Range(0, 2000).Select(_ => sampling.Next(logits)[0])];
        }

        var plain = Draw(new(1, Temperature: 1, Seed: 3));
        Assert.Equal(plain, Draw(new(1, Temperature: 1, Seed: 3)));
        Assert.NotEqual(plain, Draw(new(1, Temperature: 1, Seed: 4)));
        Assert.All(Enumerable.Range(0, 4), id => Assert.InRange(
            plain.Count(drawn => drawn == id) / 2000.0, (0.1 * (id + 1)) - 0.04, (0.1 * (id + 1)) + 0.04));
        Assert.Equal([2, 3], Draw(new(1, Temperature: 1, TopK: 2)).Distinct().Order());
        Assert.Equal([2, 3], Draw(new(1, Temperature: 1, TopP: 0.6)).Distinct().Order());
        Assert.Equal([3], Draw(new(1, Temperature: 1, TopP: 0.4)).Distinct());
        Assert.All(
            new[] { 0.01, 1e-30, 1e-300, double.Epsilon }.SelectMany(cold => Draw(new(1, Temperature: cold))),
            id => Assert.Equal(3, id));
        Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationOptions(1, TopP: 0).Checked());
    }

    [Theory, MemberData(nameof(Names))]
    public void ManySteps_LeaveNoTensor(string name)
    {
        var model = Create(name);
        Continue(model, [[1, 2, 3]], new(2));
        var before = LiveTensors();
        Continue(model, [[1, 2, 3], [1]], new(20, Temperature: 1, TopK: 3, TopP: 0.9));
        Assert.Equal(before, LiveTensors());
    }

    /// <summary>Tensors that are still held: what earlier tests left to the collector is gone.</summary>
    private static long LiveTensors()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }

    private static IReadOnlyList<int[]> Continue(
        ICausalModel model, IReadOnlyList<int[]> prompts, GenerationOptions options) =>
        Models.Generation.Continue(model, prompts, options, stop: TestContext.Current.CancellationToken);

    private static ICausalModel Create(string name)
    {
        manual_seed(8);
        ICausalModel model = name == "llama" ? new SmallLlama() : new SmallRwkv6();
        using var noGrad = no_grad();
        foreach (var parameter in model.Module.parameters())
        {
            parameter.add_(randn_like(parameter), alpha: 0.1);
        }

        model.Module.eval();
        return model;
    }
}
