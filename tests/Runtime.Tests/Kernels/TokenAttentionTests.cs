using Marrow.Layers;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

public class TokenAttentionTests
{
    // Kernel and fallback, with query heads that share key heads, and lengths that end within a vector.
    [Theory]
    [InlineData(64, 4, 4, 1)]
    [InlineData(64, 8, 2, 7)]
    [InlineData(128, 4, 2, 100)]
    [InlineData(64, 4, 4, 512)]
    [InlineData(24, 6, 3, 33)]
    public void Run_IsSoftmaxAttention(int head, int heads, int keyHeads, int length)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var (query, keys, values) = (randn(3, heads, head) * 3, randn(3, keyHeads, 600, head), randn(3, keyHeads, 600, head));
        var expected = nn.functional.scaled_dot_product_attention(
            query.unsqueeze(2),
            keys.narrow(2, 0, length).repeat_interleave(heads / keyHeads, 1),
            values.narrow(2, 0, length).repeat_interleave(heads / keyHeads, 1)).squeeze(2);
        Assert.True(TokenAttention.Run(query, keys, values, length).allclose(expected, 1e-4, 1e-5));
        Assert.True(TokenAttention.Run(query.to(float64), keys.to(float64), values.to(float64), length).allclose(expected.to(float64), 1e-4, 1e-5));
    }
}
