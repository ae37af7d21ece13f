using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.Optimizers;
using Marrow.Kernels.Threading;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Adam with decoupled weight decay (arXiv 1711.05101):
/// <c>w −= rate decay w</c>, <c>m = β₁ m + (1 − β₁) g</c>, <c>v = β₂ v + (1 − β₂) g²</c>,
/// <c>w −= rate (m / (1 − β₁ᵗ)) / (sqrt(v / (1 − β₂ᵗ)) + ε)</c>.
/// </summary>
/// <param name="parameters">What it moves.</param>
/// <param name="weightDecay">Decay.</param>
/// <param name="beta1">β₁.</param>
/// <param name="beta2">β₂.</param>
/// <param name="eps">ε.</param>
public sealed class FusedAdamW(
    IReadOnlyList<TrainedParameter> parameters, double weightDecay = 0.05, double beta1 = 0.9, double beta2 = 0.999,
        double eps = 1e-8)
    : Optimizer(parameters)
{
    private protected override unsafe void Step(
        TrainedParameter parameter, Tensor weight, Tensor gradient, double rate, Tensor? frozen)
    {
        var (mean, square) = (StateOf(parameter, "mean"), StateOf(parameter, "square"));
        var (kept, size) = Factors(parameter, rate);
        if (weight.dtype == ScalarType.Float32 && weight.device_type == TorchSharp.DeviceType.CPU
            && weight.is_contiguous())
        {
            var kernel = new AdamWKernel
            {
                Weight = weight.Floats(),
                Gradient = gradient.Floats(),
                Mean = mean.Floats(),
                Square = square.Floats(),
                Frozen = frozen is null ? null : frozen.Booleans(),
                Kept = (float)kept,
                Size = (float)size,
                Root = (float)Root,
                Beta1 = (float)beta1,
                Beta2 = (float)beta2,
                Eps = (float)eps,
            };
            ThreadTeam.Run(ref kernel, checked((int)weight.numel()), weight.numel());
            return;
        }

        mean.mul_(beta1).add_(gradient, alpha: 1 - beta1);
        square.mul_(beta2).addcmul_(gradient, gradient, value: 1 - beta2);
        var moved = weight.mul(kept).sub_(mean.mul(size).div_(square.sqrt().div_(Root).add_(eps)));
        weight.copy_(frozen is null ? moved : where(frozen, weight, moved));
    }

    /// <summary>One launch of CUDA's kernel for the parameters of a device and a type.</summary>
    private protected override IEnumerable<TrainedParameter> StepTogether(
        IReadOnlyList<TrainedParameter> moved, double rate, IReadOnlyDictionary<Parameter, Tensor>? frozen)
    {
        using var scope = NewDisposeScope();
        var together = moved.Where(parameter =>
            CudaAdamW.For(parameter.Value) is not null
            && parameter.Value.grad!.dtype == parameter.Value.dtype).ToList();
        foreach (var group in together.GroupBy(parameter =>
            (parameter.Value.dtype, parameter.Value.device_type, parameter.Value.device_index)))
        {
            var (first, moves) = (group.First().Value, group.Select(Move).ToList());
            var (table, blocks) = CudaAdamW.Table(moves);
            using var sent = tensor(table, device: CPU).Send(first.device);
            CudaAdamW.Step(CudaAdamW.For(first)!, sent, blocks, beta1, beta2, Root, eps);
            GC.KeepAlive(moves); // the table has their addresses
        }

        return together;

        CudaAdamW.Move Move(TrainedParameter parameter)
        {
            var (kept, size) = Factors(parameter, rate * parameter.RateRatio);
            return new(
                parameter.Value, parameter.Value.grad!.contiguous(), StateOf(parameter, "mean"),
                StateOf(parameter, "square"), MasterOf(parameter), frozen?.GetValueOrDefault(parameter.Value), kept,
                size);
        }
    }

    /// <summary>sqrt(1 − β₂ᵗ).</summary>
    private double Root => Math.Sqrt(1 - Math.Pow(beta2, Steps));

    /// <summary>What decay leaves of a weight, and the rate corrected for the first steps' mean.</summary>
    private (double Kept, double Size) Factors(TrainedParameter parameter, double rate) =>
        (1 - (parameter.IsDecayed ? rate * weightDecay : 0), rate / (1 - Math.Pow(beta1, Steps)));
}
