using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow;

/// <summary>
/// Adapters on disk in the format of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors. LoRA
/// is PEFT's LORA; Bone free and mini are its MISS, Bone row its MISS with init_weights "bat" (formerly BONE, which is
/// read too). Bone column, which PEFT does not have, is written the same way under the type MARROW_BONE_COLUMN.
/// </summary>
public static class PeftAdapters
{
    private const string ConfigFile = "adapter_config.json";
    private const string WeightsFile = "adapter_model.safetensors";
    private const string Prefix = "base_model.model.";

    /// <summary>Fields that change what an adapter does, and that the annotated classes do not have.</summary>
    private static readonly string[] Unsupported =
    [
        "alpha_pattern", "rank_pattern", "modules_to_save", "layer_replication", "lora_bias", "fan_in_fan_out", "use_qalora", "use_bdlora",
        "target_parameters", "trainable_token_indices", "alora_invocation_tokens", "arrow_config", "monteclora_config", "velora_config", "kasa_config",
    ];

    /// <summary>
    /// Saves the adapters of a model, whose layers must all have the same kind. PiSSA and OLoRA are saved as such: whoever
    /// loads them starts them from the same base first, as PEFT does. The start of LoRA-GA cannot be computed from the base, so
    /// it is saved as <see cref="SaveAdapterAsLora"/> does.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">The folder; replaced as a whole, and only if everything could be written.</param>
    /// <exception cref="InvalidOperationException">The model has no adapter, or adapters of different kinds.</exception>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SaveAdapter(this IModel model, string directory)
    {
        var settings = OneKind(model);
        if (settings is LoraSettings { Init: LoraInit.LoraGa })
        {
            model.SaveAdapterAsLora(directory);
        }
        else
        {
            Write(directory, settings, model, Tensors(model));
        }
    }

    /// <summary>
    /// Saves low-rank adapters as plain ones on the original base, whatever they started from:
    /// <c>s (B A − B₀ A₀) = s [B, −B₀] [A; A₀]</c>, with twice the rank if there was a start. Loads without it, also in PEFT.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">The folder; replaced as a whole, and only if everything could be written.</param>
    /// <exception cref="InvalidOperationException">The model has no adapter, adapters of different kinds, or none of LoRA's family.</exception>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void SaveAdapterAsLora(this IModel model, string directory)
    {
        if (OneKind(model) is not LoraSettings settings)
        {
            throw new InvalidOperationException($"The adapters of {model.GetType().Name} are not of LoRA's family; use SaveAdapter.");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var tensors = Tensors(model);
        var hasStart = false;
        foreach (var (name, layer) in model.AdaptedLayers())
        {
            if (layer.StartFactors is var (a, b))
            {
                hasStart = true;
                tensors[$"{Prefix}{name}.lora_A.weight"] = cat([tensors[$"{Prefix}{name}.lora_A.weight"], a], 0);
                tensors[$"{Prefix}{name}.lora_B.weight"] = cat([tensors[$"{Prefix}{name}.lora_B.weight"], -b], 1);
            }
        }

        var plain = settings with { Init = LoraInit.Kaiming, Iterations = 0 };
        Write(
            directory,
            hasStart ? plain with { Rank = 2 * settings.Rank, Alpha = settings.Alpha * (settings.RankStabilized ? Math.Sqrt(2) : 2) } : plain,
            model,
            tensors);
    }

    /// <summary>
    /// Loads adapters of the model's own kind and sizes. Everything is checked before the first value is changed.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">A folder that PEFT or <see cref="SaveAdapter"/> wrote.</param>
    /// <exception cref="CheckpointException">The folder cannot be read or does not fit the model.</exception>
    public static void LoadAdapter(this IModel model, string directory)
    {
        if (model.AdaptedLayers().Any(layer => layer.Layer.IsMerged))
        {
            throw new InvalidOperationException("The model's adapters are merged into its weights; Unmerge it before loading others.");
        }

        CheckConfig(model, Path.Combine(directory, ConfigFile));
        var path = Path.Combine(directory, WeightsFile);
        using var file = SafetensorsFile.Open(path);
        var wanted = Tensors(model);

        // The old BONE type has another name for the same block.
        var stored = file.Tensors.Keys.ToDictionary(name => name.EndsWith(".bone_block", StringComparison.Ordinal)
            ? name[..^"bone_block".Length] + "miss_block"
            : name);
        var faults = wanted.Keys.Where(name => !stored.ContainsKey(name)).Select(name => $"it lacks '{name}'")
            .Concat(stored.Keys.Where(name => !wanted.ContainsKey(name)).Select(name => $"it has '{name}', which the model has not"))
            .Concat(wanted
                .Where(pair => stored.TryGetValue(pair.Key, out var name) && !file.Tensors[name].Shape.SequenceEqual(pair.Value.shape))
                .Select(pair => $"'{pair.Key}' is [{string.Join(", ", file.Tensors[stored[pair.Key]].Shape)}], but the model's is [{string.Join(", ", pair.Value.shape)}]"))
            .ToList();
        if (faults.Count > 0)
        {
            var more = faults.Count > 3 ? $"; and {faults.Count - 3} more differences" : "";
            throw new CheckpointException(path, string.Join("; ", faults.Take(3)) + more, $"use an adapter of {model.GetType().Name}");
        }

        using var noGrad = no_grad();
        foreach (var (name, value) in wanted)
        {
            file.CopyInto(stored[name], value);
        }
    }

    private static AdapterSettings OneKind(IModel model)
    {
        var kinds = model.AdaptedLayers().Select(layer => layer.Layer.Settings).Distinct().ToList();
        return kinds switch
        {
            [var settings] => settings,
            [] => throw new InvalidOperationException($"{model.GetType().Name} has no adapter."),
            _ => throw new InvalidOperationException(
                $"{model.GetType().Name} has adapters of {kinds.Count} kinds ({string.Join("; ", kinds)}); PEFT's format holds one. Save the model's weights merged, with SavePretrained."),
        };
    }

    private static void Write(string directory, AdapterSettings settings, IModel model, Dictionary<string, Tensor> tensors) =>
        CheckpointException.Guard(directory, () => AtomicDirectory.Write(directory, fresh =>
        {
            File.WriteAllText(
                Path.Combine(fresh, ConfigFile),
                Config(settings, model.AdaptedLayers().Select(layer => layer.Name)).ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
            SafetensorsWriter.Write(
                Path.Combine(fresh, WeightsFile),
                tensors.Select(tensor => (tensor.Key, tensor.Value)),
                new Dictionary<string, string> { ["format"] = "pt" });
        }));

    /// <summary>PEFT's names of the adapters' tensors.</summary>
    private static Dictionary<string, Tensor> Tensors(IModel model) => model.AdaptedLayers()
        .SelectMany(layer => layer.Layer.Adapter.Select(pair => (
            Key: Prefix + layer.Name + "." + pair.Name switch
            {
                "bone_block" => "miss_block",
                "lora_A" => "lora_A.weight",
                "lora_B" => "lora_B.weight",
                var other => other,
            },
            Value: (Tensor)pair.Value)))
        .ToDictionary(pair => pair.Key, pair => pair.Value);

    private static JsonObject Config(AdapterSettings settings, IEnumerable<string> layers)
    {
        var config = Kind(settings);
        config["bias"] = "none";
        config["inference_mode"] = true;
        config["task_type"] = "CAUSAL_LM";
        config["target_modules"] = new JsonArray([.. layers.Select(name => JsonValue.Create(name))]);
        return config;
    }

    /// <summary>The fields that make an adapter what it is.</summary>
    private static JsonObject Kind(AdapterSettings settings) => settings switch
    {
        LoraSettings lora => new JsonObject
        {
            ["peft_type"] = "LORA",
            ["r"] = lora.Rank,
            ["lora_alpha"] = lora.Alpha,
            ["use_rslora"] = lora.RankStabilized,
            ["lora_dropout"] = lora.Dropout,
            ["use_dora"] = lora.IsDora,
            ["init_lora_weights"] = lora switch
            {
                { Init: LoraInit.Pissa, Iterations: > 0 } => $"pissa_niter_{lora.Iterations.ToString(CultureInfo.InvariantCulture)}",
                { Init: LoraInit.Pissa } => "pissa",
                { Init: LoraInit.Olora } => "olora",
                _ => true,
            },
        },
        BoneSettings { Form: BoneForm.Column } bone => new JsonObject { ["peft_type"] = "MARROW_BONE_COLUMN", ["r"] = bone.BlockSize },
        BoneSettings bone => new JsonObject
        {
            ["peft_type"] = "MISS",
            ["r"] = bone.BlockSize,
            ["mini_r"] = bone.Form == BoneForm.Mini ? bone.MiniRank : 1,
            ["init_weights"] = bone.Form switch { BoneForm.Row => "bat", BoneForm.Mini => "mini", _ => true },
            ["miss_dropout"] = bone.Dropout,
        },
        _ => throw new InvalidOperationException($"Adapter {settings} has no form on disk."),
    };

    private static void CheckConfig(IModel model, string path)
    {
        var own = OneKind(model);
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"it cannot be read ({fault.Message})", "name a folder that PEFT or SaveAdapter wrote", fault);
        }

        try
        {
            using var json = JsonDocument.Parse(text);
            var faults = Kind(own)
                .Where(field => field.Key is not ("lora_dropout" or "miss_dropout" or "mini_r"))
                .Select(field => Difference(field.Key, field.Value, json.RootElement))
                .Where(fault => fault is not null)
                .Concat(Unsupported.Where(field => json.RootElement.TryGetProperty(field, out var value) && !IsUnset(value)).Select(field => $"it uses {field}, which is not supported"))
                .ToList();
            if (faults.Count > 0)
            {
                throw new CheckpointException(path, string.Join("; ", faults), $"load it into a class annotated like it; {model.GetType().Name} has {own}");
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(path, $"it is no adapter configuration ({fault.Message})", "use the file that came with the adapter", fault);
        }
    }

    private static bool IsUnset(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };

    /// <summary>Whether an adapter's start takes something out of the base, so that its values alone do not say what it does.</summary>
    private static bool ChangesBase(JsonElement init) => init.ValueKind == JsonValueKind.String
        && !(init.GetString() is "gaussian" or "eva" or "orthogonal");

    private static string? Difference(string key, JsonNode? wanted, JsonElement config)
    {
        if (!config.TryGetProperty(key, out var found))
        {
            return (key is "use_rslora" or "use_dora" && wanted!.GetValue<bool>() is false) || (key is "init_lora_weights" && wanted!.GetValueKind() == JsonValueKind.True)
                ? null
                : $"{key} is missing";
        }

        // Starts that leave the base alone are all one once there are values.
        if (key is "init_lora_weights" && wanted!.GetValueKind() == JsonValueKind.True && !ChangesBase(found))
        {
            return null;
        }

        var same = found.ValueKind == JsonValueKind.Number
            ? wanted!.ToJsonString() == found.GetDouble().ToString("R", CultureInfo.InvariantCulture)
            : wanted!.ToJsonString() == found.GetRawText();
        var oldName = key == "peft_type" && found.GetRawText() == "\"BONE\"" && wanted!.ToJsonString() == "\"MISS\"";
        return same || oldName ? null : $"{key} is {found.GetRawText()}, but the model's is {wanted!.ToJsonString()}";
    }
}
