using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Marrow.Adapters;
using Marrow.Checkpoints;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Adapters on disk in the format of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors. What
/// stands in them for a method is the method's own affair (<see cref="AdapterSettings"/>).
/// </summary>
public static class PeftAdapters
{
    private const string ConfigFile = "adapter_config.json";
    private const string WeightsFile = "adapter_model.safetensors";
    private const string Prefix = "base_model.model.";

    /// <summary>
    /// Fields of every method that change what an adapter does, and that the annotated classes do not have.
    /// </summary>
    private static readonly string[] Unsupported =
    [
        "layer_replication", "fan_in_fan_out",
        "target_parameters", "trainable_token_indices",
    ];

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
    /// Loads adapters of the model's own kind and sizes. Everything is checked before the first value is changed.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">A folder that PEFT or <see cref="SaveAdapter"/> wrote.</param>
    /// <exception cref="CheckpointException">The folder cannot be read or does not fit the model.</exception>
    public static void LoadAdapter(this IModel model, string directory)
    {
        if (model.AdaptedLayers().Any(layer => layer.Layer.Adaptation.IsMerged))
        {
            throw new InvalidOperationException(
                "The model's adapters are merged into its weights; Unmerge it before loading others.");
        }

        OutputFolder.Complete(directory);
        CheckConfig(model, Path.Combine(directory, ConfigFile));
        var path = Path.Combine(directory, WeightsFile);
        using var file = SafetensorsFile.Open(path);
        var wanted = Parameters(model)
            .Concat(TrainedModules.State(model, TrainedModules.Names(model)).Select(tensor =>
                (Name: Prefix + tensor.Name, FormerName: Prefix + tensor.Name, tensor.Value)))
            .Select(parameter => (
                parameter.Name,
                parameter.Value,
                Stored: file.Tensors.ContainsKey(parameter.FormerName) ? parameter.FormerName : parameter.Name))
            .ToList();
        var known = wanted.Select(parameter => parameter.Stored).ToHashSet();
        var faults = wanted
            .Where(parameter => !file.Tensors.ContainsKey(parameter.Stored))
            .Select(parameter => $"it lacks '{parameter.Name}'")
            .Concat(file.Tensors.Keys
                .Where(name => !known.Contains(name))
                .Select(name => $"it has '{name}', which the model has not"))
            .Concat(wanted
                .Where(parameter => file.Tensors.TryGetValue(parameter.Stored, out var info)
                    && !info.Shape.SequenceEqual(parameter.Value.shape))
                .Select(parameter =>
                    $"'{parameter.Name}' is [{string.Join(", ", file.Tensors[parameter.Stored].Shape)}], "
                    + $"but the model's is [{string.Join(", ", parameter.Value.shape)}]"))
            .ToList();
        if (faults.Count > 0)
        {
            var more = faults.Count > 3 ? $"; and {faults.Count - 3} more differences" : "";
            throw new CheckpointException(
                path, string.Join("; ", faults.Take(3)) + more, $"use an adapter of {model.GetType().Name}");
        }

        using var noGrad = no_grad();
        foreach (var (_, value, stored) in wanted)
        {
            file.CopyInto(stored, value);
        }

        foreach (var (_, layer) in model.AdaptedLayers())
        {
            (layer.Adaptation.IsStarted, layer.Adaptation.IsGiven) = (true, true);
        }
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
        var layers = model.AdaptedLayers()
            .Select(pair => (pair.Name, State: convert(State(pair.Layer.Adaptation))))
            .ToList();
        var trained = TrainedModules.Names(model);
        FolderUpdate.Write(directory, folder =>
        {
            SafetensorsWriter.Write(
                folder,
                directory,
                WeightsFile,
                layers
                    .SelectMany(layer => layer.State.Values.Select(pair => (
                        $"{Prefix}{layer.Name}.{layer.State.Settings.PeftName(pair.Key)}", pair.Value)))
                    .Concat(TrainedModules.State(model, trained).Select(tensor =>
                        (Prefix + tensor.Name, tensor.Value))),
                new Dictionary<string, string> { ["format"] = "pt" });
            folder.WriteText(
                ConfigFile,
                Config(model, [.. layers.Select(layer => (layer.Name, layer.State.Settings))], trained)
                    .ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        });
    }

    private static AdapterState State(Adaptation adapter) => new(
        adapter.Settings,
        adapter.Parameters.ToDictionary(pair => pair.Name, pair => (Tensor)pair.Value),
        adapter.Factors);

    /// <summary>The adapters' parameters with PEFT's names, present and former.</summary>
    private static IEnumerable<(string Name, string FormerName, Tensor Value)> Parameters(IModel model) =>
        from pair in model.AdaptedLayers()
        from parameter in pair.Layer.Adaptation.Parameters
        let settings = pair.Layer.Adaptation.Settings
        let name = settings.PeftName(parameter.Name)
        select (
            $"{Prefix}{pair.Name}.{name}",
            $"{Prefix}{pair.Name}.{settings.FormerPeftName(parameter.Name) ?? name}",
            (Tensor)parameter.Value);

    private static JsonObject Config(
        IModel model, IReadOnlyList<(string Name, AdapterSettings Settings)> layers, IReadOnlyList<string> trained)
    {
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

        config["bias"] = "none";
        config["base_model_name_or_path"] = model.State.BasePath;
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

    /// <summary>Layers that the adapter's file trains whole and the model does not.</summary>
    private static IEnumerable<string> Untrained(IModel model, JsonElement config)
    {
        var named = config.TryGetProperty("modules_to_save", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(name => name.GetString()!).ToList()
            : [];
        var trained = TrainedModules.Names(model);

        // SaveAdapter writes full names; such a one is no ending of others. What the file holds is compared later.
        named.RemoveAll(trained.Contains);

        // PEFT takes a name as an ending, and lets names of which the model has no layer pass.
        return model.Module.named_modules()
            .Select(pair => pair.name)
            .Where(module => named.Exists(name =>
                module == name || module.EndsWith("." + name, StringComparison.Ordinal)))
            .Where(module => !trained.Any(name =>
                name == module || name.StartsWith(module + ".", StringComparison.Ordinal)));
    }

    private static void CheckConfig(IModel model, string file)
    {
        var own = OneKind(model);
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                file, $"it cannot be read ({fault.Message})", "name a folder that PEFT or SaveAdapter wrote", fault);
        }

        try
        {
            using var json = JsonDocument.Parse(text);
            var faults = model.AdaptedLayers()
                .SelectMany(layer => layer.Layer.Adaptation.Settings.PeftFields.Select(field =>
                    field.Difference(json.RootElement, layer.Name)))
                .OfType<string>()
                .Distinct()
                .Concat(Unsupported.Concat(own.UnsupportedPeftFields)
                    .Where(field => json.RootElement.TryGetProperty(field, out var value) && !IsUnset(value))
                    .Select(field => $"it uses {field}, which is not supported"))
                .Concat(Untrained(model, json.RootElement).Select(name =>
                    $"it has '{name}' trained whole (modules_to_save); mark that layer [Train], or name it in Train"))
                .ToList();
            if (faults.Count > 0)
            {
                throw new CheckpointException(
                    file,
                    string.Join("; ", faults),
                    $"load it into a class annotated like it; {model.GetType().Name} has "
                    + $"{model.AdaptedLayers().First().Layer.Adaptation.Settings}");
            }

            if (json.RootElement.TryGetProperty("base_model_name_or_path", out var path)
                && path.ValueKind == JsonValueKind.String)
            {
                model.State.BasePath ??= path.GetString();
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(
                file,
                $"it is no adapter configuration ({fault.Message})",
                "use the file that came with the adapter",
                fault);
        }
    }

    private static bool IsUnset(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };
}
