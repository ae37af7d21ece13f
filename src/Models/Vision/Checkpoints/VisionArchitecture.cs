using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Marrow.Models;

/// <summary>
/// The class and the sizes of a vision checkpoint, as Hugging Face's or timm's config.json states them. Whether the
/// rest of the file fits is asked of the model itself, when it loads.
/// </summary>
/// <param name="Type">The class.</param>
/// <param name="Arguments">
/// The arguments of its constructor, by name, but for those that have their default value.
/// </param>
internal sealed partial record VisionArchitecture(Type Type, IReadOnlyList<(string Name, object Value)> Arguments)
{
    private const double TimmEps = 1e-6;
    private const int MostBlocks = 4096;
    private const int StandardMlpRatio = 4;

    /// <summary>Reads the config.json of a folder.</summary>
    /// <returns>Null: it is of no vision model that Marrow has.</returns>
    /// <exception cref="CheckpointException">It cannot be read, or a size is missing.</exception>
    public static VisionArchitecture? Find(string directory) => ConfigurationFields.Read(directory, config =>
        config.Text("model_type") switch
        {
            "vit" => Transformer(config, typeof(VisionTransformer)),
            "deit" when config.Texts("architectures")?.Contains(
                "DeiTForImageClassificationWithTeacher") == true => Transformer(config, typeof(DeiT)),
            "deit" => Transformer(config, typeof(VisionTransformer), ("distillationToken", true)),
            "swin" => Swin(config),
            null when config.Text("architecture") is { } name => Timm(name, config),
            _ => null,
        });

    /// <summary>Makes the model.</summary>
    public IModel Create()
    {
        var constructor = Type.GetConstructors()[0];
        var given = Arguments.ToDictionary(argument => argument.Name, argument => argument.Value);
        return (IModel)constructor.Invoke(
        [
            .. constructor.GetParameters().Select(
                parameter => given.GetValueOrDefault(parameter.Name!, parameter.DefaultValue!)),
        ]);
    }

    private static VisionArchitecture Transformer(
        ConfigurationFields config, Type type, params (string, object)[] more)
    {
        var dim = config.Integer("hidden_size") ?? 768;
        return new(type,
        [
            ("image", config.Integer("image_size") ?? 224),
            ("patch", config.Integer("patch_size") ?? 16),
            ("dim", dim),
            ("depth", Depth(config.Integer("num_hidden_layers") ?? 12)),
            ("heads", config.Integer("num_attention_heads") ?? 12),
            ("classes", Classes(config)),
            .. Unless(config.Integer("num_channels") ?? 3, 3, "channels"),
            .. Unless((config.Integer("intermediate_size") ?? 3072) / dim, 4, "mlpRatio"),
            .. Unless(config.Number("layer_norm_eps") ?? 1e-12, TimmEps, "normEps"),
            .. more,
        ]);
    }

    private static VisionArchitecture Swin(ConfigurationFields config) => Swin(
        config.Integer("image_size") ?? 224,
        config.Integer("patch_size") ?? 4,
        config.Integer("embed_dim") ?? 96,
        config.Integers("depths") ?? [2, 2, 6, 2],
        (config.Integers("num_heads") ?? [3])[0],
        config.Integer("window_size") ?? 7,
        Classes(config),
        config.Integer("num_channels") ?? 3,
        Whole(config.Number("mlp_ratio")));

    private static VisionArchitecture Swin(
        int image, int patch, int dim, IReadOnlyList<int> depths, int heads, int window, int classes, int channels,
        int mlpRatio) =>
        depths.Count != 4
            ? throw new ConfigurationException($"depths has {depths.Count} stages", "4")
            : new(typeof(Swin),
            [
                ("image", image), ("patch", patch), ("dim", dim),
                .. depths.Select((depth, stage) => ($"depth{stage}", (object)Depth(depth))),
                ("heads", heads), ("window", window), ("classes", classes),
                .. Unless(channels, 3, "channels"),
                .. Unless(mlpRatio, StandardMlpRatio, "mlpRatio"),
            ]);

    /// <summary>timm's names stand for the sizes; what model_args says comes before what the name says.</summary>
    private static VisionArchitecture? Timm(string name, ConfigurationFields config)
    {
        var classes = config.Integer("num_classes")
            ?? config.Object("pretrained_cfg")?.Integer("num_classes") ?? 1000;
        var stated = config.Object("model_args") ?? new(JsonSerializer.SerializeToElement(new { }));
        if (TransformerName().Match(name) is { Success: true } transformer)
        {
            var (dim, depth, heads) = transformer.Groups["size"].Value switch
            {
                "tiny" => (192, 12, 3),
                "small" => (384, 12, 6),
                "base" => (768, 12, 12),
                _ => (1024, 24, 16),
            };
            return Transformer(
                stated, transformer.Groups["distilled"].Success ? typeof(DeiT) : typeof(VisionTransformer), classes,
                Number(transformer, "image"), Number(transformer, "patch"), dim, depth, heads);
        }

        if (name is TimmConfiguration.Transformer or TimmConfiguration.DistilledTransformer)
        {
            return Transformer(
                stated, name == TimmConfiguration.Transformer ? typeof(VisionTransformer) : typeof(DeiT), classes);
        }

        if (SwinName().Match(name) is { Success: true } swin)
        {
            var (dim, deep, heads) = swin.Groups["size"].Value switch
            {
                "tiny" => (96, 6, 3),
                "small" => (96, 18, 3),
                "base" => (128, 18, 4),
                _ => (192, 18, 6),
            };
            return Swin(
                stated, classes, Number(swin, "image"), Number(swin, "patch"), dim, [2, 2, deep, 2], heads,
                Number(swin, "window"));
        }

        return name == TimmConfiguration.Swin ? Swin(stated, classes) : null;
    }

    private static VisionArchitecture Transformer(
        ConfigurationFields stated, Type type, int classes,
        int? image = null, int? patch = null, int? dim = null, int? depth = null, int? heads = null) => new(
        type,
        [
            ("image", Size(stated, "img_size", image)), ("patch", Size(stated, "patch_size", patch)),
            ("dim", Size(stated, "embed_dim", dim)), ("depth", Depth(Size(stated, "depth", depth))),
            ("heads", Size(stated, "num_heads", heads)), ("classes", classes),
            .. Unless(stated.Integer("in_chans") ?? 3, 3, "channels"),
            .. Unless(Whole(stated.Number("mlp_ratio")), StandardMlpRatio, "mlpRatio"),
        ]);

    private static VisionArchitecture Swin(
        ConfigurationFields stated, int classes,
        int? image = null, int? patch = null, int? dim = null, IReadOnlyList<int>? depths = null, int? heads = null,
        int? window = null) => Swin(
        Size(stated, "img_size", image),
        Size(stated, "patch_size", patch),
        Size(stated, "embed_dim", dim),
        stated.Integers("depths") ?? depths ?? throw Missing("depths"),
        stated.Integers("num_heads")?[0] ?? heads ?? throw Missing("num_heads"),
        Size(stated, "window_size", window),
        classes,
        stated.Integer("in_chans") ?? 3,
        Whole(stated.Number("mlp_ratio")));

    private static int Size(ConfigurationFields stated, string field, int? named) =>
        stated.Integer(field) ?? named ?? throw Missing(field);

    private static ConfigurationException Missing(string field) => new($"model_args.{field} is missing");

    /// <summary>Other ratios than whole ones are refused when the model compares the file with itself.</summary>
    private static int Whole(double? ratio) => (int)Math.Clamp(ratio ?? StandardMlpRatio, 1, int.MaxValue);

    /// <summary>Blocks are made before weights are read, and a mistyped number would take all memory.</summary>
    private static int Depth(int depth) => depth <= MostBlocks
        ? depth
        : throw new ConfigurationException($"it states {depth} blocks, and no model has so many");

    private static int Classes(ConfigurationFields config) =>
        config.Object("id2label")?.Count ?? config.Integer("num_labels") ?? 2;

    private static IEnumerable<(string, object)> Unless<T>(T value, T usual, string name)
        where T : notnull => value.Equals(usual) ? [] : [(name, value)];

    private static int Number(Match match, string group) =>
        int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(
        @"^(vit|deit)_(?<size>tiny|small|base|large)(?<distilled>_distilled)?"
        + @"_patch(?<patch>\d{1,3})_(?<image>\d{1,4})(\.|$)")]
    private static partial Regex TransformerName();

    [GeneratedRegex(
        @"^swin_(?<size>tiny|small|base|large)_patch(?<patch>\d{1,3})"
        + @"_window(?<window>\d{1,3})_(?<image>\d{1,4})(\.|$)")]
    private static partial Regex SwinName();
}
