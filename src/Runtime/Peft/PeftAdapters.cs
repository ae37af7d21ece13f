using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Marrow.Adapters;
using Marrow.Adapters.Peft;
using Marrow.Checkpoints;
using Marrow.Layers;
using Marrow.Models;
using Marrow.Peft;
using Marrow.Shared;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Adapters on disk in the format of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors. What
/// stands in them for a method is the method's own affair (<see cref="AdapterSettings"/>).
/// </summary>
public static class PeftAdapters
{
    /// <summary>
    /// Saves the adapters of a model, whose layers must all have the same kind, and with them the layers that are
    /// trained whole (<see cref="TrainAttribute"/>, or unfrozen by hand). PiSSA and OLoRA are saved as such:
    /// whoever loads them initializes them from the same base first, as PEFT does. What LoRA-GA starts from cannot be
    /// computed from the base, so it is saved as <see cref="LowRankAdapters.SaveAdapterAsLora"/> does.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">
    /// The folder, created if need be. The adapter's two files are replaced together or not at all; all else stays.
    /// </param>
    /// <exception cref="InvalidOperationException">
    /// The model has no adapter, adapters of different kinds, or trains something that PEFT's format does not hold.
    /// </exception>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SaveAdapter(this IModel model, string directory)
    {
        OneKind(model);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Write(model, directory, state => state.Settings.Saved(state));
    }

    /// <summary>
    /// Loads a folder that PEFT or <see cref="SaveAdapter"/> wrote. A model with adapters takes one of their kind and
    /// sizes. In a plain model, the layers that the folder means become adapted ones, of the classes that an attribute
    /// would have emitted, over the weights that are there; what the folder trains beside them (modules_to_save,
    /// biases) is trained here too, and everything else is frozen. Everything is checked before the first value is
    /// changed.
    /// </summary>
    /// <param name="model">The model, with its base loaded.</param>
    /// <param name="directory">The folder.</param>
    /// <exception cref="CheckpointException">
    /// The folder cannot be read, does not fit the model, or says what Marrow has not; the message names it.
    /// </exception>
    /// <exception cref="InvalidOperationException">The model's adapters are merged.</exception>
    public static void LoadAdapter(this IModel model, string directory)
    {
        model.RequireUnmerged();
        OutputFolder.Complete(directory);
        var file = PeftConfiguration.Read(directory);
        if (model.AdaptedLayers().Any())
        {
            Check(model, file);
            using var weights = PeftWeights.Open(model, directory, file.KeepsTies);
            weights.CopyInto();
        }
        else
        {
            LoadedAdapters.Load(model, directory, file);
        }

        foreach (var (_, layer) in model.AdaptedLayers())
        {
            (layer.Adaptation.IsStarted, layer.Adaptation.IsGiven) = (true, true);
        }

        model.State.BasePath ??= file.BasePath;
    }

    /// <summary>What the settings of all adapters have in common.</summary>
    internal static AdapterSettings OneKind(IModel model)
    {
        var kinds = model.AdaptedLayers().Select(layer => layer.Layer.Adaptation.Settings.Kind).Distinct().ToList();
        return kinds switch
        {
            [var kind] => kind,
            [] => throw new InvalidOperationException($"{model.GetType().Name} has no adapter."),
            _ => throw new InvalidOperationException(
                $"{model.GetType().Name} has adapters of {kinds.Count} kinds ({string.Join("; ", kinds)}); PEFT's "
                + "format holds one. Save the model's weights merged, with SavePretrained."),
        };
    }

    /// <summary>Writes the adapters as a conversion makes them; all become of one kind.</summary>
    internal static void Write(IModel model, string directory, Func<AdapterState, AdapterState> convert)
    {
        var names = new PeftNames(model);
        var states = model.AdaptedLayers().ToDictionary(
            pair => pair.Layer.Adaptation, pair => convert(State(pair.Layer.Adaptation)));
        var settings = model.AdaptedLayers()
            .Select(pair => (names.Layer(pair.Name), states[pair.Layer.Adaptation].Settings))
            .ToList();
        FolderUpdate.Write(directory, folder =>
        {
            SafetensorsWriter.Write(
                folder,
                directory,
                PeftWeights.FileName,
                PeftWeights.Of(model, names, adapter => states[adapter]),
                new Dictionary<string, string> { ["format"] = "pt" });
            folder.WriteText(
                PeftConfiguration.FileName,
                Config(model, names, settings).ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        });
    }

    private static AdapterState State(Adaptation adapter) => new(
        adapter.Settings,
        adapter.Parameters.ToDictionary(pair => pair.Name, pair => (Tensor)pair.Value),
        adapter.Factors);

    private static JsonObject Config(
        IModel model, PeftNames names, IReadOnlyList<(string Name, AdapterSettings Settings)> layers)
    {
        var trained = TrainedNames(model, names);

        // What most layers have is the rule; the others are exceptions, by their full names.
        var usual = layers.GroupBy(layer => layer.Settings).MaxBy(group => group.Count())!.Key;
        var config = new JsonObject(
            usual.PeftFields.Select(field => KeyValuePair.Create(field.Name, (JsonNode?)field.Value)));
        foreach (var field in usual.PeftFields.Where(field => field.Pattern is not null))
        {
            config[field.Pattern!] = new JsonObject(
                from layer in layers
                let own = layer.Settings.PeftFields.First(other => other.Name == field.Name).Value
                where own.ToJsonString() != field.Value.ToJsonString()
                select KeyValuePair.Create(Regex.Escape(layer.Name), (JsonNode?)own));
        }

        config["bias"] = model.State.Biases switch
        {
            AdapterBias.All => "all",
            AdapterBias.Adapted => $"{(string)usual.PeftFields.First(field => field.Name == "peft_type").Value!}_only"
                .ToLowerInvariant(),
            _ => "none",
        };
        config["base_model_name_or_path"] = model.State.BasePath;
        if (model.Module.modules().OfType<TiedLinear>().Any(head => head.Weight.requires_grad))
        {
            config[PeftConfiguration.TiesField] = true;
        }

        config["inference_mode"] = true;
        config["modules_to_save"] = trained.Count == 0 ? null : Names(trained);
        config["task_type"] = TaskType(model);
        config["target_modules"] = Names(layers.Select(layer => layer.Name));
        return config;

        static JsonArray Names(IEnumerable<string> names) => new([.. names.Select(name => JsonValue.Create(name))]);
    }

    /// <summary>What the architecture is for, in PEFT's words; null if it does not say.</summary>
    private static string? TaskType(IModel model) =>
        (string?)(model as IPretrained)?.Configuration()["architectures"]?[0] switch
        {
            null => null,
            var name when name.EndsWith("ForCausalLM", StringComparison.Ordinal) => "CAUSAL_LM",
            var name when name.EndsWith("ForSequenceClassification", StringComparison.Ordinal) => "SEQ_CLS",
            var name when name.EndsWith("ForTokenClassification", StringComparison.Ordinal) => "TOKEN_CLS",
            var name when name.EndsWith("ForConditionalGeneration", StringComparison.Ordinal) => "SEQ_2_SEQ_LM",
            var name when name.EndsWith("ForQuestionAnswering", StringComparison.Ordinal) => "QUESTION_ANS",
            _ => null,
        };

    /// <summary>The modules that are trained whole, by PEFT's names.</summary>
    private static List<string> TrainedNames(IModel model, PeftNames names) =>
        [.. TrainedModules.Names(model).Select(names.Module)];

    private static void Check(IModel model, PeftConfiguration file)
    {
        var (own, names) = (OneKind(model), new PeftNames(model));
        var faults = file.Guard(config => model.AdaptedLayers()
            .SelectMany(layer => config.Differences(
                layer.Layer.Adaptation.Settings.PeftFields, names.Layer(layer.Name)))
            .Distinct()
            .Concat(config.UnsupportedFields(own.UnsupportedPeftFields))
            .Concat(Untrained(model, names, config).Select(name =>
                $"it has '{name}' trained whole (modules_to_save); mark that layer [Train], or name it in Train"))
            .Concat(config.Bias == model.State.Biases || config.Bias == AdapterBias.None
                ? []
                : [$"it trains biases (bias); give the attribute Bias = AdapterBias.{config.Bias}"])
            .ToList());
        if (faults.Count > 0)
        {
            throw file.Fault(
                string.Join("; ", faults),
                $"load it into a class annotated like it, or into a plain one; "
                + $"{model.GetType().Name} has {model.AdaptedLayers().First().Layer.Adaptation.Settings}");
        }
    }

    /// <summary>
    /// Modules that the adapter's file trains whole and the model does not. PEFT takes a name as an ending, and lets
    /// names of which the model has no layer pass.
    /// </summary>
    private static IEnumerable<string> Untrained(IModel model, PeftNames names, PeftConfiguration file)
    {
        // SaveAdapter writes full names; such a one is no ending of others.
        var (whole, endings) = (TrainedNames(model, names), file.TrainedModules.ToList());
        endings.RemoveAll(whole.Contains);
        var trained = TrainedModules.State(model, TrainedModules.Names(model))
            .Select(tensor => tensor.Name)
            .ToHashSet();
        return names.All
            .Where(tensor => !trained.Contains(tensor.Own))
            .SelectMany(tensor => LayerTargets.Around(PeftNames.Around(tensor.Stored)))
            .Distinct()
            .Where(module => endings.Exists(name => PeftTargets.IsNamed(module, name)));
    }
}
