using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Attention;

/// <summary>One layer of attention as a causal model, to decode it.</summary>
[Model]
public partial class OneAttention(int keyValueHeads, int window, bool turns) : ICausalModel
{
    [Embedding(30, 32)] public partial Embedding Tokens { get; }

    [Block(32, 4, nameof(keyValueHeads), true, nameof(window), true)] public partial SelfAttention Attention { get; }

    [Buffer(2, 50, 8, Init = nameof(Table))] protected partial Tensor Rotary { get; }

    public int? Context => 50;

    public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);

    [Forward]
    private Tensor Network(Tensor ids) => Attention.call(
        Tokens.call(ids), turns ? Rotary.narrow(1, CachedDecoding.Position, ids.size(1)) : null);

    private static Tensor Table() => SelfAttention.RotaryTable(50, 8);
}

/// <summary>Attention against its plain formula, token by token.</summary>
public sealed class SelfAttentionTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(true, 0, 4, false, false)]
    [InlineData(true, 0, 2, true, false)]
    [InlineData(true, 3, 2, true, false)]
    [InlineData(true, 3, 1, false, true)]
    [InlineData(true, 0, 4, false, true)]
    [InlineData(false, 0, 2, false, false)]
    [InlineData(false, 0, 4, true, true)]
    [InlineData(false, 2, 4, false, false)]
    [InlineData(false, 3, 2, false, true)]
    [InlineData(true, 20, 2, false, false)]
    public void Attention_IsItsPlainFormula(bool causal, int window, int keyValueHeads, bool turns, bool isMasked)
    {
        manual_seed(1);
        using var attention = new SelfAttention(16, 4, keyValueHeads, causal, window, bias: true, outputBias: turns);
        var x = randn([2, 9, 16], requires_grad: true);
        var rotary = turns ? SelfAttention.RotaryTable(9, 4).to(float32) : null;
        var mask = isMasked ? rand(2, 1, 1, 9) < 0.7 : null;
        mask?.select(3, 0).fill_(true);
        if (isMasked && window > 0)
        {
            mask = mask!.logical_or(eye(9, dtype: @bool)); // each sees something
        }

        var y = attention.call(x, rotary, mask);
        var expected = Plain(attention, x, causal, window, 4 / keyValueHeads, rotary, mask);
        Assert.True(y.allclose(expected, 1e-4, 1e-5));
        var dy = randn_like(y);
        var gradient = autograd.grad([y], [x], [dy])[0];
        Assert.True(gradient.allclose(autograd.grad([expected], [x], [dy])[0], 1e-4, 1e-5));
    }

    [Theory]
    [InlineData(4, 0, false)]
    [InlineData(2, 0, true)]
    [InlineData(2, 5, true)]
    [InlineData(1, 1, false)]
    public void Decoding_GivesWhatTheWholeSequenceGives(int keyValueHeads, int window, bool turns)
    {
        manual_seed(2);
        using var noGrad = no_grad();
        using var model = new OneAttention(keyValueHeads, window, turns);
        var ids = randint(0, 30, [2, 50]);
        var whole = model.call(ids);
        using var decoding = model.StartDecoding(2);
        foreach (var (first, count) in new[] { (0, 1), (1, 3), (4, 1), (5, 20), (25, 1), (26, 1), (27, 23) })
        {
            Assert.True(decoding.Append(ids.narrow(1, first, count))
                .allclose(whole.select(1, first + count - 1), 1e-4, 1e-5), $"at {first}");
        }
    }

    [Fact]
    public void Dropout_IsForTraining()
    {
        using var attention = new SelfAttention(16, 4, 4, dropout: 0.5);
        var x = randn(1, 5, 16);
        Assert.False(attention.call(x).allclose(attention.call(x)));
        attention.eval();
        Assert.True(attention.call(x).Equals(attention.call(x)));
    }

    [Fact]
    public void MaskOfNumbers_IsRefused()
    {
        using var attention = new SelfAttention(16, 4, 4);
        Assert.Contains("bool", Assert.Throws<ArgumentException>(() =>
            attention.call(randn(1, 5, 16), mask: zeros(5, 5))).Message);
    }

    /// <summary>Softmax over what each query sees, head by head and query by query.</summary>
    private static Tensor Plain(
        SelfAttention attention, Tensor x, bool causal, int window, int shared, Tensor? rotary, Tensor? mask)
    {
        var (batch, tokens, rows) = (x.shape[0], (int)x.shape[1], new List<Tensor>());
        var sees = mask?.expand(batch, 4, tokens, tokens);
        var (q, k, v) = (attention.QProj.call(x), attention.KProj.call(x), attention.VProj.call(x));
        for (var b = 0; b < batch; b++)
        {
            for (var t = 0; t < tokens; t++)
            {
                for (var head = 0; head < 4; head++)
                {
                    var kept = Enumerable.Range(0, tokens).Where(s => (!causal || s <= t)
                        && (window == 0 || Math.Abs(s - t) < window)
                        && (sees is null || sees[b, head, t, s].item<bool>())).Select(s => (long)s).ToArray();
                    var query = Turn(q[b, t, (4 * head)..(4 * (head + 1))], t);
                    var columns = (4 * (head / shared))..(4 * ((head / shared) + 1));
                    var keys = stack(kept.Select(s => Turn(k[b, s, columns], s)));
                    var values = stack(kept.Select(s => v[b, s, columns]));
                    rows.Add(keys.matmul(query).div(2).softmax(0).matmul(values));
                }
            }
        }

        return attention.OProj.call(stack(rows).view(batch, tokens, 16));

        Tensor Turn(Tensor head, long position) => rotary is null
            ? head
            : (head * rotary[0, position]) + (cat([-head[2..], head[..2]]) * rotary[1, position]);
    }
}
