using Marrow.CompilerServices;
using Marrow.Quantization.Oscillations;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>Treatments of oscillation, step by step.</summary>
internal static class OscillationMethods
{
    /// <summary>
    /// Annealing of one weight: which entries freeze, their gradients, where the optimizer alone would move the weight,
    /// and where it does.
    /// </summary>
    public static IEnumerable<Comparison> Cga(ReferenceCase file)
    {
        var (bits, range, rate) = (file.Integer("bits"), file.Number("boundaryRange"), file.Number("lr"));
        var weight = new Parameter(file.Tensor("step1.weight_before").clone());
        var unheld = new Parameter(weight.detach().clone());
        var (optimizer, other) = (Optimizer(file, weight), Optimizer(file, unheld));
        for (var step = 1; step <= file.Integer("steps"); step++)
        {
            yield return file.Compare($"step{step}.weight_before", weight);
            var confident = Marrow.Quantization.Oscillations.Cga.Confident(StatsQ.GridPosition(weight, bits), range);
            yield return file.Compare($"step{step}.freeze", confident.to(float32));
            var gradient = file.Tensor($"step{step}.grad_raw").masked_fill(confident, 0);
            yield return file.Compare($"step{step}.grad", gradient);

            var before = weight.detach().clone();
            using (no_grad())
            {
                unheld.copy_(weight);
            }

            (weight.grad, unheld.grad) = (gradient, gradient.clone());
            other.Step(rate);
            yield return file.Compare($"step{step}.weight_after_opt", unheld);
            optimizer.Step(rate, new Dictionary<Parameter, Tensor> { [weight] = confident });
            yield return file.Compare($"step{step}.weight_after", weight);
            var moved = (weight.detach() != before).logical_and(confident).count_nonzero().item<long>();
            yield return Comparison.Exact($"step{step}.frozen", [(int)moved], [0]);
        }
    }

    /// <summary>Frequencies, directions, totals and frozen weights of a sequence of levels.</summary>
    public static IEnumerable<Comparison> Track(ReferenceCase file)
    {
        var levels = file.Tensor("x_int").to(int8);
        using var state = new OscillationState(levels[0], file.Number("momentum"), file.Flag("use_ema_x_int"));
        var returned = new List<Tensor>();
        for (var call = 0; call < file.Integer("states"); call++)
        {
            state.Update(levels[call], file.Number("freeze_threshold"));
            returned.Add(state.Levels.to(float32));
            if (!file.Has($"at{call + 1}.ema_oscillation"))
            {
                continue;
            }

            yield return file.Compare($"at{call + 1}.ema_oscillation", state.Frequency);
            yield return file.Compare($"at{call + 1}.total_oscillation", state.Total.to(float32));
            yield return file.Compare($"at{call + 1}.prev_switch_dir", state.Direction.to(float32));
            if (file.Has($"at{call + 1}.frozen"))
            {
                yield return file.Compare($"at{call + 1}.frozen", state.Frozen.to(float32));
            }
        }

        yield return file.Compare("y", stack(returned));
    }

    private static Optimizer Optimizer(ReferenceCase file, Parameter weight)
    {
        TrainedParameter[] parameters = [new("weight", weight)];
        return file.Text("optimizer") == "adamw"
            ? new FusedAdamW(parameters, file.Number("weight_decay"))
            : new Sgd(parameters, file.Number("momentum"), file.Number("weight_decay"));
    }
}
