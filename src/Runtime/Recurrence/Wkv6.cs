using Marrow.Autograd;
using Marrow.Recurrence;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// The recurrence of RWKV-6 (arXiv 2404.05892, section 4): each head has a state S [key, value] that decays by its own
/// factor for every key channel and token.
/// <code>
/// y_t = r_tᵀ (S_t + (u ∘ k_t) v_tᵀ)
/// S_{t+1} = diag(d_t) S_t + k_t v_tᵀ
/// </code>
/// </summary>
public static class Wkv6
{
    /// <summary>
    /// Runs the recurrence over all tokens, in 32 bits at least. With heads whose size is a multiple of 16, on CUDA of
    /// at most 64, kernels run it, linear in the tokens, that keep a state for every 32 of them; elsewhere it is a loop
    /// of torch operations over the tokens.
    /// </summary>
    /// <param name="r">Receptance [batch, tokens, heads · size].</param>
    /// <param name="k">Keys, likewise.</param>
    /// <param name="v">Values, likewise.</param>
    /// <param name="decay">d, in 0 to 1, likewise.</param>
    /// <param name="bonus">u [heads, size].</param>
    /// <param name="state">S before the first token, [batch, heads, size, size]; zeros if null.</param>
    /// <returns>y [batch, tokens, heads · size], and S after the last token; of 16-bit inputs S has 32 bits.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public static (Tensor Output, Tensor State) Run(
        Tensor r, Tensor k, Tensor v, Tensor decay, Tensor bonus, Tensor? state = null)
    {
        var (batch, tokens, width) = (r.size(0), r.size(1), r.size(2));
        var (heads, size) = (bonus.size(0), bonus.size(1));
        if (width != heads * size || new[] { k, v, decay }.Any(other => !other.shape.SequenceEqual(r.shape)))
        {
            throw new ArgumentException(
                $"WKV6 takes r, k, v and decay of one shape [batch, tokens, {heads} · {size}]; r is "
                + $"[{string.Join(", ", r.shape)}].");
        }

        if (state is not null && !state.shape.SequenceEqual([batch, heads, size, size]))
        {
            throw new ArgumentException(
                $"The state of WKV6 is [{string.Join(", ", state.shape)}]; these inputs want "
                + $"[{batch}, {heads}, {size}, {size}].");
        }

        using var scope = NewDisposeScope();
        if (r.element_size() < 4)
        {
            var (y, wide) = Run(
                Wide(r), Wide(k), Wide(v), Wide(decay), Wide(bonus), state is null ? null : Wide(state));
            return scope.MoveToOuter(y.to(r.dtype), wide);
        }

        if (EagerMode.IsOn || !Wkv6Operation.Supports(r, size))
        {
            var (output, last) = Plain(r, k, v, decay, bonus, state);
            return scope.MoveToOuter(output, last);
        }

        // One tensor holds both results, so that they are one node of autograd: tokens first, then the rows of the
        // state.
        var both = OperationFunction.Run(
            new Wkv6Operation(heads, size),
            r.contiguous(),
            k.contiguous(),
            v.contiguous(),
            decay.contiguous(),
            bonus.contiguous(),
            state?.contiguous());
        return scope.MoveToOuter(
            both.narrow(1, 0, tokens),
            both.narrow(1, tokens, size).view(batch, size, heads, size).transpose(1, 2));
    }

    /// <summary>The recurrence as it is written, one token after another, under autograd.</summary>
    public static (Tensor Output, Tensor State) Plain(
        Tensor r, Tensor k, Tensor v, Tensor decay, Tensor bonus, Tensor? state = null)
    {
        var (batch, tokens, width) = (r.size(0), r.size(1), r.size(2));
        var (heads, size) = (bonus.size(0), bonus.size(1));
        var s = state ?? zeros([batch, heads, size, size], dtype: r.dtype, device: r.device);
        var outputs = new List<Tensor>();
        for (var t = 0L; t < tokens; t++)
        {
            var outer = At(k).unsqueeze(-1) * At(v).unsqueeze(-2); // k_t v_tᵀ
            outputs.Add(At(r).unsqueeze(-2).matmul(s + (bonus.unsqueeze(-1) * outer)).reshape(batch, 1, width));
            s = (At(decay).unsqueeze(-1) * s) + outer;

            Tensor At(Tensor x) => x.select(1, t).view(batch, heads, size);
        }

        return (cat(outputs, 1), s);
    }

    private static Tensor Wide(Tensor x) => x.to(ScalarType.Float32);
}
