using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>The quantizers as one writes them in TorchSharp: the published formulas, with detached rounding.</summary>
internal static class EagerQuantizers
{
    public static Tensor StatsQ(Tensor w, int bits)
    {
        var n = 1 << (bits - 1);
        var scale = w.detach().abs().mean([1], keepdim: true) * 2;
        var quantized = (((w / scale).clamp(-1, 1 - 1e-6) * n - 0.5).round() + 0.5) / n * scale;
        return w + (quantized - w).detach();
    }

    /// <summary>x [B, N, C] with a step for each position.</summary>
    public static Tensor Lsq(Tensor x, Tensor step, Tensor before, Tensor after, int low, int high)
    {
        var factor = 1 / Math.Sqrt((double)high * x.shape[0] * x.shape[2]);
        var floored = step.clamp_min(1e-5);
        var s = ((floored * factor) + (floored - (floored * factor)).detach()).view(1, -1, 1);
        var q = ((x + before) / s).clamp(low, high);
        return ((q + (q.round() - q).detach()) * s) + after;
    }
}
