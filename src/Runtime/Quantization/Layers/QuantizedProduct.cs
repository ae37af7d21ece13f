using Marrow.Autograd;
using static TorchSharp.torch;

namespace Marrow.Quantization.Layers;

/// <summary>What quantized activations were made from, so that their levels can be had again.</summary>
/// <param name="X">The activations before quantization, [..., N, in].</param>
/// <param name="Step">A step for each position.</param>
/// <param name="Before">The shift before.</param>
/// <param name="After">The shift after.</param>
/// <param name="Range">The levels.</param>
internal sealed record LevelSource(Tensor X, Tensor Step, Tensor Before, Tensor After, LevelRange Range)
{
    /// <summary>The levels, in the shape [n, in].</summary>
    public ActivationLevels Levels(long[] shape) =>
        ActivationLevels.Of(X.contiguous().view(shape), Step, Before, Range);
}

/// <summary>Rows of a weight, and what is held in them.</summary>
internal readonly record struct FrozenRows(FrozenCodes Frozen, long First, long Count)
{
    /// <summary>These rows of a tensor, as a view.</summary>
    public Tensor Of(Tensor whole) => whole.narrow(0, First, Count);
}

/// <summary>
/// <c>y = x̂ Ŵᵀ + b</c> for activations that are quantized already; the forward product is one of 8-bit
/// integers.
/// Gradients: <c>dx̂ = dy Ŵ</c>, <c>dW = dyᵀ x̂</c> straight through, <c>db = Σ dy</c>.
/// </summary>
internal static class QuantizedProduct
{
    private static WeightMethod Method => QuantizerMethods.Base;

    /// <summary>y, differentiable in x̂, W and b.</summary>
    /// <param name="quantized">x̂ [..., in].</param>
    /// <param name="source">What x̂ was made from, or null if it has no levels.</param>
    /// <param name="weight">W [out, in].</param>
    /// <param name="bias">b [out], or null.</param>
    /// <param name="settings">The bits of the weight, and how the backward computes.</param>
    /// <param name="held">What is held in parts of the weight, one below the other.</param>
    public static Tensor Run(
        Tensor quantized,
        LevelSource? source,
        Tensor weight,
        Tensor? bias,
        QuantizerSettings settings,
        IReadOnlyList<FrozenRows> held)
    {
        using var scope = NewDisposeScope();
        if (EagerMode.IsOn)
        {
            var plain = Method.Quantize(weight, null, settings.Bits);
            if (held.Any(rows => rows.Frozen.Levels is not null))
            {
                plain = cat([.. held.Select(rows => rows.Frozen is { Mask: { } mask, Levels: not null }
                    ? where(mask, Held(rows, weight, settings.Bits), rows.Of(plain)) : rows.Of(plain))], 0);
            }

            return scope.MoveToOuter(nn.functional.linear(quantized, plain, bias));
        }

        var rows = quantized.reshape(quantized.numel() / weight.size(1), weight.size(1));
        var y = OperationFunction.Run(new Product(source, settings, held), rows, weight, bias);
        return scope.MoveToOuter(y.view([.. quantized.shape[..^1], weight.size(0)]));
    }

    /// <summary>y from levels, without gradients.</summary>
    /// <param name="quantized">x̂ [..., in].</param>
    /// <param name="source">What x̂ was made from, or null if it has no levels.</param>
    /// <param name="p">The weight.</param>
    /// <param name="bias">b [out], or null.</param>
    public static Tensor Infer(Tensor quantized, LevelSource? source, WeightLevels p, Tensor? bias)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = quantized.reshape(quantized.numel() / p.Stored.size(1), p.Stored.size(1));
        return scope.MoveToOuter(Multiply(rows, source?.Levels(rows.shape), source, p, bias).view(
            [.. quantized.shape[..^1], p.Stored.size(0)]));
    }

    private static Tensor Multiply(
        Tensor x, ActivationLevels? levels, LevelSource? source, WeightLevels p, Tensor? bias) => levels is { } q
        ? IntegerProduct.Linear(q, p, source!.Step, source.After, bias)
        : nn.functional.linear(x, p.Dequantize(x.dtype), bias);

    private static Tensor Held(FrozenRows rows, Tensor weight, int bits)
    {
        using var noGrad = no_grad();
        return rows.Frozen.Apply(Method.Codes(rows.Of(weight).contiguous(), null, bits)).Dequantize(weight.dtype);
    }

    private sealed class Product(LevelSource? source, QuantizerSettings settings, IReadOnlyList<FrozenRows> held)
        : Operation
    {
        private bool hasBias;

        public override string Name => "a quantized product";

        public override Tensor Forward(Saved saved, IReadOnlyList<Tensor?> inputs)
        {
            var (x, weight, bias) = (inputs[0]!, inputs[1]!, inputs[2]);
            var p = Method.Codes(weight.contiguous(), null, settings.Bits);
            foreach (var rows in held)
            {
                rows.Frozen.Apply(p with { Stored = rows.Of(p.Stored) });
                p = rows.Frozen.Levels is null ? p : p with { Span = null }; // levels may come from a checkpoint
            }

            var q = source?.Levels(x.shape);
            saved.Keep(q?.Stored ?? x, p.Stored, p.Scale, source?.Step, source?.After);
            hasBias = bias is not null;
            return Multiply(x, q, source, p, bias);
        }

        public override IReadOnlyList<Tensor?> Backward(Saved saved, Tensor dy)
        {
            var p = new WeightLevels(saved[1], saved[2], IsHalved: settings.Bits == 8);
            var (dx, dWeight, dBias) = source is null
                ? (p.InputGradient(dy), dy.t().mm(saved[0]), DBias(dy))
                : Products(new(saved[0], source.Range.Offset) { Span = source.Range.Span }, p, saved[3], saved[4], dy);
            foreach (var rows in held)
            {
                rows.Frozen.MaskGradient(rows.Of(dWeight));
            }

            return [dx, dWeight, dBias];
        }

        private (Tensor Input, Tensor Weight, Tensor? Bias) Products(
            ActivationLevels q, WeightLevels p, Tensor step, Tensor after, Tensor dy) =>
            settings.Bfloat16Backward
                ? Bfloat16Backward.Products(dy, q, p, step, after)
                : (p.InputGradient(dy), q.WeightGradient(dy, step, after), DBias(dy));

        private Tensor? DBias(Tensor dy) => hasBias ? BiasGradient.Of(dy) : null;
    }
}
