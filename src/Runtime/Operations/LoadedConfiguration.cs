using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Operations;

/// <summary>
/// What a folder of Hugging Face's libraries holds beside the weights: config.json with fields that no layer depends
/// on, the tokenizer, how to generate. A model that was loaded is saved with them.
/// </summary>
internal static class LoadedConfiguration
{
    private const string ConfigFile = "config.json";

    private static readonly string[] Companions =
    [
        "added_tokens.json", "chat_template.jinja", "chat_template.json", "generation_config.json", "merges.txt",
        "preprocessor_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer.model",
        "tokenizer_config.json", "vocab.json", "vocab.txt",
    ];

    /// <summary>What timm and Hugging Face's libraries say of a classifier's classes.</summary>
    private static readonly string[] HeadFields =
        ["num_classes", "num_labels", "id2label", "label2id", "label_names", "label_descriptions"];

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>
    /// Checks the config.json of a folder, or the one beside a file, against the model, and keeps it.
    /// </summary>
    /// <exception cref="CheckpointException">A folder has none, or it does not fit the model.</exception>
    public static void Take(IModel model, string path, bool newHead)
    {
        model.State.Configuration = null;
        var file = Path.Combine(FolderOf(path), ConfigFile);
        if (!File.Exists(file))
        {
            if (model is not IPretrained || !Directory.Exists(path))
            {
                return;
            }

            throw new CheckpointException(
                path,
                "the folder has no config.json",
                "name the folder of a Hugging Face model, or a single safetensors file");
        }

        try
        {
            var json = JsonNode.Parse(
                File.ReadAllText(file), documentOptions: new() { AllowDuplicateProperties = false })!.AsObject();
            var withoutHead = WithoutHead(json);
            json = newHead ? withoutHead : json;
            if (model is IPretrained pretrained && Faults(pretrained, json) is { Count: > 0 } faults)
            {
                var isOfHead = !newHead && Faults(pretrained, withoutHead).Count == 0;
                throw new CheckpointException(
                    file,
                    string.Join("; ", faults),
                    $"use a checkpoint of {model.GetType().Name}'s sizes, or a class with these"
                        + (isOfHead ? ", or ask for a new head (newHead: true) that is trained anew" : ""));
            }

            model.State.Configuration = json;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException
            or NullReferenceException or ArgumentException)
        {
            throw new CheckpointException(
                file,
                $"it is no model configuration ({fault.Message})",
                "use the config.json that came with the weights",
                fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                file, $"it cannot be read ({fault.Message})", "check the path and its permissions", fault);
        }
    }

    /// <summary>Says of the head what the model has, once its checkpoint's format is known.</summary>
    public static void TakeNewHead(IModel model)
    {
        if (model is IPretrained pretrained && model.State.Configuration is { } json)
        {
            Set(json, Own(model, pretrained), HeadFields);
        }
    }

    /// <summary>
    /// Writes what was loaded, with the sizes of the model where it has others, and the files beside it that the folder
    /// does not have yet.
    /// </summary>
    public static void Write(IModel model, FolderUpdate folder, string directory, ScalarType type)
    {
        if (Of(model, type) is { } json)
        {
            folder.WriteText(ConfigFile, json.ToJsonString(Indented) + "\n");
        }

        if (model.State.BasePath is not { } path || (model.State.Configuration is null && !Directory.Exists(path)))
        {
            return;
        }

        var source = FolderOf(path);
        foreach (var name in Companions)
        {
            var file = Path.Combine(source, name);
            if (File.Exists(file) && !File.Exists(Path.Combine(directory, name)))
            {
                using var content = File.OpenRead(file);
                content.CopyTo(folder.Create(name));
            }
        }
    }

    /// <summary>The config.json of a model; null if it has none.</summary>
    public static JsonObject? Of(IModel model, ScalarType type)
    {
        var json = model.State.Configuration?.DeepClone().AsObject();
        if (model is IPretrained pretrained)
        {
            var own = Own(model, pretrained);
            if (json is null)
            {
                json = own;
            }
            else if (Faults(pretrained, json).Count > 0)
            {
                Set(json, own, own.Select(pair => pair.Key));
            }
        }

        if (json is not null && model.AreUntied())
        {
            json[TiedHeads.Field] = false;
        }

        foreach (var field in new[] { "torch_dtype", "dtype" }.Where(field => json?[field] is not null))
        {
            json![field] = type.ToString().ToLowerInvariant();
        }

        return json;
    }

    private static JsonObject Own(IModel model, IPretrained pretrained) =>
        model.State.Format?.Configuration() ?? pretrained.Configuration();

    private static void Set(JsonObject json, JsonObject from, IEnumerable<string> fields)
    {
        foreach (var field in fields.Where(from.ContainsKey))
        {
            json[field] = from[field]?.DeepClone();
        }
    }

    private static string FolderOf(string path) =>
        Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path))!;

    private static JsonObject WithoutHead(JsonObject json)
    {
        var rest = json.DeepClone().AsObject();
        foreach (var field in HeadFields)
        {
            rest.Remove(field);
            (rest["pretrained_cfg"] as JsonObject)?.Remove(field);
        }

        return rest;
    }

    private static List<string> Faults(IPretrained model, JsonObject json)
    {
        using var document = JsonDocument.Parse(json.ToJsonString());
        return [.. model.ConfigurationFaults(document.RootElement)];
    }
}
