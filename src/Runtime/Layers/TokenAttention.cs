using Marrow.Kernels.Attention;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Threading;
using static TorchSharp.torch;

namespace Marrow.Layers;

/// <summary>
/// Attention of one token over those in a cache, <c>softmax(q Kᵀ / sqrt(d)) V</c>: each head reads its keys and values
/// once, in the order in which they lie. What is general pays off only for many queries.
/// </summary>
internal static class TokenAttention
{
    /// <summary>The output, [batch, query heads, head].</summary>
    /// <param name="query">[batch, query heads, head]; each key head serves as many query heads in a row.</param>
    /// <param name="keys">[batch, key heads, capacity, head], of which <paramref name="length"/> tokens count.</param>
    /// <param name="values">Likewise.</param>
    /// <param name="length">Tokens in the cache.</param>
    public static unsafe Tensor Run(Tensor query, Tensor keys, Tensor values, long length)
    {
        var (batch, heads, head) = (query.size(0), query.size(1), query.size(2));
        var shared = heads / keys.size(1);
        using var scope = NewDisposeScope();
        if (query.dtype != ScalarType.Float32 || query.device_type != TorchSharp.DeviceType.CPU
            || head % TokenAttentionKernel.Block != 0)
        {
            var grouped = query.view(batch, keys.size(1), shared, head);
            return scope.MoveToOuter(nn.functional.scaled_dot_product_attention(
                grouped, keys.narrow(2, 0, length), values.narrow(2, 0, length)).reshape(query.shape));
        }

        var contiguous = query.contiguous();
        var output = empty_like(contiguous);
        var kernel = new TokenAttentionKernel
        {
            Query = contiguous.Floats(),
            Keys = keys.Floats(),
            Values = values.Floats(),
            Output = output.Floats(),
            Shared = (int)shared,
            Length = (int)length,
            Stride = keys.size(2) * head,
            Head = (int)head,
            Scale = (float)(1 / Math.Sqrt(head)),
        };
        ThreadTeam.Run(ref kernel, (int)(batch * heads), batch * heads * length * head);
        return scope.MoveToOuter(output);
    }
}
