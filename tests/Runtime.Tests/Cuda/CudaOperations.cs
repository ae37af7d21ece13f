using Marrow.CompilerServices;
using Marrow.Cuda;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// The operations that have CUDA kernels, called as the runtime calls them, on inputs around which there is NaN: what
/// is read beyond them shows.
/// </summary>
internal static class CudaOperations
{
    /// <summary>x in memory of which every other number is NaN, and which no vector begins at.</summary>
    public static Tensor Surrounded(Tensor x)
    {
        var place = full(x.numel() + 512, double.NaN, dtype: x.dtype);
        return place.narrow(0, 3, x.numel()).view(x.shape).copy_(x);
    }

    public static IReadOnlyList<Tensor> Lsq(
        ScalarType type, int rows, int columns, int steps, LevelRange range, bool hasShift, bool isAligned = false)
    {
        var (x, step, before) = LsqInputs(type, rows, columns, steps, hasShift);
        var levels = ActivationLevels.Of(isAligned ? x : Surrounded(x), step, before, range);
        return [levels.Stored, levels.RowSteps!];
    }

    public static (Tensor X, Tensor Step, Tensor? Before) LsqInputs(
        ScalarType type, int rows, int columns, int steps, bool hasShift)
    {
        manual_seed(rows + columns);
        return (randn(rows, columns).to(type), (rand(steps) + 0.1).to(type),
            hasShift ? randn(columns).to(type) : null);
    }

    /// <summary>y, and the gradients of x, step, before and after.</summary>
    public static IReadOnlyList<Tensor> LsqValues(
        ScalarType type, int rows, int columns, ScaleGranularity sharing, bool hasShift, LevelRange range,
        bool isPlain = false)
    {
        manual_seed(rows + columns);
        var steps = sharing switch { ScaleGranularity.Tensor => 1, ScaleGranularity.Channel => columns, _ => rows };
        // In one type for the plain formula, so that it computes what the kernel does.
        var inputs = new[] { randn(2, rows, columns), rand(steps) + 0.3, randn(2 * columns), randn(columns) }
            .Select(input => input.to(type).to(isPlain ? float32 : type)).ToArray();
        var dy = randn(2, rows, columns).to(type).to(isPlain ? float32 : type);
        if (!isPlain)
        {
            inputs[0] = Surrounded(inputs[0]);
        }

        inputs = [.. inputs.Take(hasShift ? 4 : 2).Select(input => input.detach().requires_grad_())];
        var (before, after) = hasShift && rows % 2 == 0 ? (inputs[2], inputs[3])
            : hasShift ? (inputs[3], inputs[3]) : (null, null);
        var y = isPlain
            ? Marrow.CompilerServices.Lsq.Plain(inputs[0], inputs[1], range, sharing, before, after)
            : Marrow.CompilerServices.Lsq.Quantize(inputs[0], inputs[1], range, sharing, before, after);
        y.backward([dy]);
        return [y.detach(), .. inputs.Select(input => input.grad ?? zeros_like(input))]; // signs have none
    }

    /// <summary>Levels of x into the middle of a row of sevens, which come back.</summary>
    public static IReadOnlyList<Tensor> LsqInPlace(int rows, int columns)
    {
        var (x, step, _) = LsqInputs(float32, rows, columns, 1, hasShift: false);
        var sevens = full((rows * columns) + 512, 7, dtype: int8);
        var range = LevelRange.Signed(2);
        var stored = sevens.narrow(0, 0, rows * columns).view(rows, columns);
        return [sevens, CudaLsq.Levels(
            CudaLsq.For(x)!, Surrounded(x), step, null, range.Codes, range.Offset, stored)];
    }

    public static Tensor Weight(ScalarType type, params long[] shape)
    {
        manual_seed(shape.Sum());
        var w = randn(shape).to(type);
        w.select(-2, 0).zero_();
        return w;
    }

    public static IReadOnlyList<Tensor> StatsQCodes(Tensor w, int bits)
    {
        var codes = StatsQ.Codes(w, bits);
        return [codes.Stored, codes.Scale];
    }

    /// <summary>y, the last state, and the gradients of r, k, v, decay, bonus and state.</summary>
    public static IReadOnlyList<Tensor> Wkv6(
        int batch, int tokens, int heads, int size, ScalarType type, bool hasState, bool isPlain = false)
    {
        manual_seed(6);
        var width = heads * size;
        var decay = rand(batch, tokens, width);
        decay = decay * (decay > 0.1); // some keep nothing
        var inputs = new[] { randn(batch, tokens, width), randn(batch, tokens, width), randn(batch, tokens, width),
            decay, randn(heads, size), randn(batch, heads, size, size) }
            .Select(input => input.to(type).detach().requires_grad_()).ToArray();
        var (dy, ds) = (randn(batch, tokens, width), randn(batch, heads, size, size));
        var first = hasState ? inputs[5] : null;
        var (y, state) = isPlain
            ? Marrow.Wkv6.Plain(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], first)
            : Marrow.Wkv6.Run(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], first);
        ((y.to(float32) * dy).sum() + (state.to(float32) * ds).sum()).backward();
        return [y.detach(), state.detach(), .. inputs.Select(input => input.grad).OfType<Tensor>()];
    }
}
