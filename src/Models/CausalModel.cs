using System.Globalization;
using System.Text.RegularExpressions;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Language models from their folders, whichever architecture they have.</summary>
public static partial class CausalModel
{
    private const int MostLayers = 4096;

    /// <summary>
    /// Makes the model that a checkpoint is of, with its weights: a <see cref="Decoder"/> or <see cref="Gpt2"/> as its
    /// config.json says, or an <see cref="Rwkv6"/>, which has none.
    /// </summary>
    /// <param name="path">A folder of Hugging Face's; an RWKV-6 as .pth or safetensors.</param>
    /// <param name="device">Where to put it; the CPU if null.</param>
    /// <param name="dtype">The type of its weights; that of new tensors, float32 as a rule, if null.</param>
    /// <exception cref="CheckpointException">It cannot be read, or is of a model that is not supported.</exception>
    public static ICausalModel Load(string path, Device? device = null, ScalarType? dtype = null)
    {
        var model = Create(path, dtype);
        model.LoadPretrained(path, device);
        return model;
    }

    /// <summary>Makes the model on the meta device.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or is of a model that is not supported.</exception>
    internal static ICausalModel Create(string path, ScalarType? dtype = null)
    {
        var read = Sizes(path);
        RequireLayers(path, read);
        using var shapes = Construction.On(META, dtype);
        return read switch
        {
            DecoderSizes sizes => new Decoder(sizes),
            Gpt2Sizes sizes => new Gpt2(sizes),
            Rwkv6Sizes sizes => new Rwkv6(
                sizes.Vocabulary, sizes.Width, sizes.Inner, sizes.Layers, sizes.HeadSize, sizes.MixRank,
                sizes.DecayRank),
            var other => throw new NotSupportedException($"{other.GetType().Name} are no model's sizes."),
        };
    }

    /// <summary>
    /// The sizes of the model that a checkpoint is of: <see cref="DecoderSizes"/>, <see cref="Gpt2Sizes"/> or
    /// <see cref="Rwkv6Sizes"/>.
    /// </summary>
    /// <exception cref="CheckpointException">It cannot be read, or is of a model that is not supported.</exception>
    internal static object Sizes(string path) => !File.Exists(Path.Combine(path, "config.json"))
        ? WithoutConfiguration(path)
        : ConfigurationFields.Read<object>(path, config => config.Text("model_type") switch
        {
            Gpt2Configuration.ModelType => Gpt2Configuration.Read(config),
            var type when DecoderConfiguration.ModelTypes.Contains(type) => DecoderConfiguration.Read(config),
            var other => throw new ConfigurationException(
                other is null ? "model_type is missing" : $"model_type is {CheckpointException.Quote(other)}",
                string.Join(", ", DecoderConfiguration.ModelTypes.Append(Gpt2Configuration.ModelType))),
        });

    /// <summary>The sizes of an RWKV-6, which has no config.json.</summary>
    private static Rwkv6Sizes WithoutConfiguration(string path)
    {
        if (Directory.Exists(path))
        {
            using var checkpoint = CheckpointReader.Open(path);
            if (!checkpoint.Tensors.ContainsKey("emb.weight"))
            {
                throw new CheckpointException(
                    path,
                    "the folder has no config.json, and its weights are not those of an RWKV-6",
                    "fetch config.json from where the weights came from");
            }
        }

        return Rwkv6Sizes.Read(path);
    }

    /// <summary>
    /// Refuses sizes that have more layers than the weights, or than any model. Layers are made before weights are
    /// read, and a mistyped number of them would take minutes and all memory.
    /// </summary>
    /// <exception cref="CheckpointException">They have.</exception>
    internal static void RequireLayers(string path, object sizes)
    {
        var (layers, field) = sizes switch
        {
            DecoderSizes decoder => (decoder.Layers, "num_hidden_layers"),
            Gpt2Sizes gpt2 => (gpt2.Layers, "n_layer"),
            _ => (0, ""), // counted in the weights
        };
        var stored = CheckpointReader.IsThere(path) ? StoredLayers(path) : 0;
        if (layers > (stored > 0 ? stored : MostLayers))
        {
            throw new CheckpointException(
                Path.Combine(path, "config.json"),
                $"{field} is {layers}, but {(stored > 0 ? $"the weights have {stored}" : "no model has so many")}",
                "use a checkpoint of a supported model");
        }
    }

    private static int StoredLayers(string path)
    {
        using var checkpoint = CheckpointReader.Open(path);
        return 1 + checkpoint.Tensors.Keys
            .Select(name => LayerNumber().Match(name))
            .Where(match => match.Success)
            .Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            .DefaultIfEmpty(-1)
            .Max();
    }

    [GeneratedRegex(@"(?:^|\.)(?:layers|h)\.(\d{1,8})\.")]
    private static partial Regex LayerNumber();
}
