using System.Globalization;
using Marrow.Adapters;
using Marrow.Checkpoints;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Everything a run needs to go on as if it had never stopped, in one safetensors file that is replaced atomically:
/// what training changes of the model (not a frozen base), the optimizer's state, averages, what treatments of
/// oscillation hold, the tracker, scores and the best state, and torch's random numbers.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="optimizer">Its optimizer.</param>
/// <param name="tracker">Its oscillation tracker, or null.</param>
/// <param name="average">Its average, or null.</param>
/// <param name="losses">The loss of each step so far, or null; restored too.</param>
public sealed class TrainingState(
    IModel model,
    Optimizer optimizer,
    OscillationTracker? tracker = null,
    ExponentialAverage? average = null,
    List<double>? losses = null)
{
    private const string StepKey = "step", SignedKey = "signed.", RecipeKey = "recipe.";
    private const string RandomName = "random", LossesName = "losses";

    /// <summary>What a resumed run must have in common with the one that saved, by name.</summary>
    internal IReadOnlyDictionary<string, string> Recipe { get; init; } = new Dictionary<string, string>();

    /// <summary>The most steps that a resumed run may have taken.</summary>
    internal int Steps { get; init; } = int.MaxValue;

    /// <summary>What was measured, and the best state; or null.</summary>
    internal Evaluations? Evaluations { get; init; }

    /// <summary>Writes the state.</summary>
    /// <param name="path">The file; it keeps its old content if anything fails.</param>
    /// <param name="step">Steps taken.</param>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public void Save(string path, int step)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(
            path,
            [
                .. Prefixed("parameter", Changed().Select(tensor => (tensor.Name, tensor.Value))),
                .. Prefixed("start", TakenOut().SelectMany(pair => Prefixed(
                    pair.Name,
                    pair.Layer.Adaptation.Factors!.Select(factor =>
                        (pair.Layer.Adaptation.Settings.FactorName(factor.Key), factor.Value))))),
                .. Prefixed("optimizer", optimizer.State),
                .. Prefixed("average", average?.Tensors ?? []),
                .. Prefixed("held", model.QuantizedWeights().SelectMany(weight =>
                    Prefixed(weight.Name, weight.Frozen.Tensors))),
                .. Prefixed("oscillation", tracker?.Tensors ?? []),
                .. Prefixed("evaluation", Evaluations?.Tensors ?? []),
                (RandomName, get_rng_state()),
                .. losses is null ? [] : new[] { (LossesName, tensor(losses.ToArray())) },
            ],
            new Dictionary<string, string>(
                from convolution in model.Module.modules().OfType<LsqConv2d>()
                where convolution.IsSigned
                select KeyValuePair.Create(SignedKey + convolution.LayerName, "true"))
            {
                [StepKey] = step.ToString(CultureInfo.InvariantCulture),
            }.Concat(Recipe.Select(pair => KeyValuePair.Create(RecipeKey + pair.Key, pair.Value))).ToDictionary());
    }

    /// <summary>Takes the state up.</summary>
    /// <param name="path">A file that <see cref="Save"/> wrote for the same model and options.</param>
    /// <returns>Steps taken.</returns>
    /// <exception cref="CheckpointException">The file cannot be read or is another model's.</exception>
    public int Restore(string path)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(StepKey, out var text)
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var step))
        {
            throw new CheckpointException(path, "it states no step", "use a file that a training run saved");
        }

        if (step > Steps)
        {
            throw new CheckpointException(
                path,
                $"the run has taken {step} steps, and these options ask for {Steps}",
                "ask for as many or more, or begin anew with another checkpoint");
        }

        foreach (var (name, value) in Recipe)
        {
            if (file.Metadata.TryGetValue(RecipeKey + name, out var former) && former != value)
            {
                throw new CheckpointException(
                    path,
                    $"the run began with {name} {former}, and these options have {value}",
                    "resume with the options that the run began with, or begin anew with another checkpoint");
            }
        }

        foreach (var (name, layer) in model.AdaptedLayers())
        {
            var factors = layer.Adaptation.Parameters.Select(pair => pair.Name)
                .Where(parameter => file.Tensors.ContainsKey(Stored(parameter)))
                .ToDictionary(parameter => parameter, parameter => file.ReadTensor(Stored(parameter)));
            if (factors.Count > 0)
            {
                layer.Adaptation.Initialize(factors);
            }

            string Stored(string parameter) => $"start.{name}.{layer.Adaptation.Settings.FactorName(parameter)}";
        }

        var changed = Changed().ToList();
        foreach (var (name, _, _, value) in changed)
        {
            var stored = file.Tensors.TryGetValue($"parameter.{name}", out var info) ? info.Shape : null;
            if (stored is null || !stored.SequenceEqual(value.shape))
            {
                throw new CheckpointException(
                    path,
                    $"'{name}' is {(stored is null ? "missing" : $"[{string.Join(", ", stored)}]")}, the model's is "
                    + $"[{string.Join(", ", value.shape)}]",
                    "resume with the options that the run began with");
            }
        }

        foreach (var (name, _, _, value) in changed)
        {
            file.CopyInto($"parameter.{name}", value);
        }

        foreach (var convolution in model.Module.modules().OfType<LsqConv2d>())
        {
            convolution.IsSigned = file.Metadata.ContainsKey(SignedKey + convolution.LayerName);
        }

        optimizer.Restore(step, Under(file, "optimizer."));
        foreach (var (name, value) in average?.Tensors ?? [])
        {
            file.CopyInto($"average.{name}", value);
        }

        foreach (var weight in model.QuantizedWeights())
        {
            weight.Frozen.Restore(Under(file, $"held.{weight.Name}."));
        }

        tracker?.Restore(Under(file, "oscillation."));
        Evaluations?.Restore(Under(file, "evaluation."));
        losses?.Clear();
        losses?.AddRange(file.ReadTensor(LossesName).data<double>().ToArray());
        set_rng_state(file.ReadTensor(RandomName));
        return step;
    }

    /// <summary>
    /// What training changes: trainable parameters, buffers such as running statistics, and weights that an adapter's
    /// initialization took something out of. Whoever resumes has the rest of the base.
    /// </summary>
    private IEnumerable<StateTensor> Changed()
    {
        var taken = TakenOut().Select(pair => $"{pair.Name}.weight").ToHashSet();
        return StateTensor.Of(model)
            .Where(tensor => tensor.IsBuffer || tensor.Value.requires_grad || taken.Contains(tensor.Name));
    }

    private IEnumerable<(string Name, IAdaptedLayer Layer)> TakenOut() =>
        model.AdaptedLayers().Where(pair => pair.Layer.Adaptation.Factors is not null && !pair.Layer.HasPackedBase);

    private static IEnumerable<(string Name, Tensor Value)> Prefixed(
        string prefix, IEnumerable<(string Name, Tensor Value)> tensors) =>
        tensors.Select(tensor => ($"{prefix}.{tensor.Name}", tensor.Value));

    private static Dictionary<string, Tensor> Under(SafetensorsFile file, string prefix) => file.Tensors.Keys
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(name => name[prefix.Length..], file.ReadTensor);
}
