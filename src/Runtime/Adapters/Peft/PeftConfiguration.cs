using System.Text.Json;
using Marrow.Checkpoints;

namespace Marrow.Adapters.Peft;

/// <summary>An adapter_config.json.</summary>
internal sealed class PeftConfiguration
{
    /// <summary>The file's name.</summary>
    public const string FileName = "adapter_config.json";

    /// <summary>The field of <see cref="KeepsTies"/>.</summary>
    public const string TiesField = "ensure_weight_tying";

    /// <summary>Fields of every method that change what an adapter does, and that models do not have.</summary>
    private static readonly string[] Unsupported =
        ["layer_replication", "target_parameters", "trainable_token_indices"];

    private readonly string file;
    private readonly JsonElement root;

    private PeftConfiguration(string file, JsonElement root) => (this.file, this.root) = (file, root);

    /// <summary>What the adapter was trained on, or null.</summary>
    public string? BasePath => Text("base_model_name_or_path");

    /// <summary>The fields that say something: none that is null, false or empty.</summary>
    public IEnumerable<(string Name, JsonElement Value)> Stated =>
        root.EnumerateObject().Where(one => !IsUnset(one.Value)).Select(one => (one.Name, one.Value));

    /// <summary>Which layers it means.</summary>
    public PeftTargets Targets => new(root);

    /// <summary>Names of modules that are trained whole.</summary>
    public IReadOnlyList<string> TrainedModules =>
        root.TryGetProperty("modules_to_save", out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. PeftField.Names("modules_to_save", list)]
            : [];

    /// <summary>Whether an embedding and the head that shares its weight were trained as one.</summary>
    public bool KeepsTies => Flag(TiesField);

    /// <summary>Which biases are trained.</summary>
    /// <exception cref="FormatException">It is none of PEFT's values.</exception>
    public AdapterBias Bias => Text("bias") switch
    {
        null when root.TryGetProperty("bias", out var value) && value.ValueKind != JsonValueKind.Null =>
            throw new FormatException($"bias is {value.GetRawText()}, not a text"),
        null or "none" => AdapterBias.None,
        "all" => AdapterBias.All,
        var only when only.EndsWith("_only", StringComparison.OrdinalIgnoreCase) => AdapterBias.Adapted,
        var other => throw new FormatException($"bias is '{other}'"),
    };

    /// <summary>Reads the file of a folder.</summary>
    /// <exception cref="CheckpointException">It is missing, or no configuration.</exception>
    public static PeftConfiguration Read(string directory)
    {
        var file = Path.Combine(directory, FileName);
        GitLfs.RequireContent(file);
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? new(file, json.RootElement.Clone())
                : throw new FormatException("it is no JSON object");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                file, $"it cannot be read ({fault.Message})", "name a folder that PEFT or SaveAdapter wrote", fault);
        }
        catch (Exception fault) when (fault is JsonException or FormatException)
        {
            throw NoConfiguration(file, fault);
        }
    }

    /// <summary>Runs something that reads fields, and says where a fault is.</summary>
    /// <exception cref="CheckpointException">A field is not what it should be.</exception>
    public T Guard<T>(Func<PeftConfiguration, T> read)
    {
        try
        {
            return read(this);
        }
        catch (Exception fault) when (fault is InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw NoConfiguration(file, fault);
        }
    }

    /// <summary>Refuses the file.</summary>
    public CheckpointException Fault(string problem, string remedy) => new(file, problem, remedy);

    /// <summary>A field's text, or null.</summary>
    public string? Text(string field) =>
        root.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A field that is true; false if it is not there.</summary>
    public bool Flag(string field) =>
        root.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.True;

    /// <summary>A field's number for a layer, which a field of patterns may say otherwise.</summary>
    /// <exception cref="FormatException">It is missing or no number.</exception>
    public double Number(string field, string? patterns = null, string? layer = null, double? unset = null)
    {
        var found = (patterns is null ? null : PeftField.ForLayer(root, patterns, layer!))
            ?? (root.TryGetProperty(field, out var value) ? value : null);
        return found switch
        {
            { ValueKind: JsonValueKind.Number } number when double.IsFinite(number.GetDouble()) => number.GetDouble(),
            null or { ValueKind: JsonValueKind.Null } when unset is { } usual => usual,
            null => throw new FormatException($"{field} is missing"),
            { } other => throw new FormatException($"{field} is {other.GetRawText()}, not a finite number"),
        };
    }

    /// <summary>A share that dropout takes out; 0 if it is missing.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public double Dropout(string field) => Number(field, unset: 0) is >= 0 and < 1 and var share
        ? share
        : throw new FormatException(
            $"{field} is {root.GetProperty(field).GetRawText()}, not a share from 0 to below 1");

    /// <summary>The same of a whole number.</summary>
    /// <exception cref="FormatException">It is missing or not whole.</exception>
    public long Integer(string field, string? patterns = null, string? layer = null, long? unset = null)
    {
        var number = Number(field, patterns, layer, unset);
        return number == Math.Floor(number) && Math.Abs(number) < 1L << 50
            ? (long)number
            : throw new FormatException(FormattableString.Invariant($"{field} is {number}, not a whole number"));
    }

    /// <summary>How the sentence on a field ends that no model has.</summary>
    public const string NotSupported = "which is not supported";

    /// <summary>What of the file no model has.</summary>
    /// <param name="more">Fields that a method does not have.</param>
    public IEnumerable<string> UnsupportedFields(IEnumerable<string> more) => Unsupported.Concat(more)
        .Where(field => root.TryGetProperty(field, out var value) && !IsUnset(value))
        .Select(field => $"it uses {field}, {NotSupported}");

    /// <summary>What the file says otherwise of a layer.</summary>
    /// <param name="fields">What the layer's adapter has.</param>
    /// <param name="layer">Its name.</param>
    public IEnumerable<string> Differences(IEnumerable<PeftField> fields, string layer) =>
        fields.Select(field => field.Difference(root, layer)).OfType<string>();

    private static CheckpointException NoConfiguration(string file, Exception fault) => new(
        file, $"it is no adapter configuration ({fault.Message})", "use the file that came with the adapter", fault);

    private static bool IsUnset(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };
}
