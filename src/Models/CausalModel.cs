using System.Globalization;
using System.Text.RegularExpressions;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>Language models from their folders, whichever architecture they have.</summary>
public static partial class CausalModel
{
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
        using var shapes = Construction.On(META, dtype);
        if (!File.Exists(Path.Combine(path, "config.json")))
        {
            var sizes = Rwkv6Sizes.Read(path);
            return new Rwkv6(
                sizes.Vocabulary, sizes.Width, sizes.Inner, sizes.Layers, sizes.HeadSize, sizes.MixRank,
                sizes.DecayRank);
        }

        return ConfigurationFields.Read<ICausalModel>(path, config => config.Text("model_type") switch
        {
            Gpt2Configuration.ModelType => new Gpt2(
                Stored(path, Gpt2Configuration.Read(config), sizes => sizes.Layers, "n_layer")),
            var type when DecoderConfiguration.ModelTypes.Contains(type) => new Decoder(
                Stored(path, DecoderConfiguration.Read(config), sizes => sizes.Layers, "num_hidden_layers")),
            var other => throw new ConfigurationException(
                other is null ? "model_type is missing" : $"model_type is {CheckpointException.Quote(other)}",
                string.Join(", ", DecoderConfiguration.ModelTypes.Append(Gpt2Configuration.ModelType))),
        });
    }

    /// <summary>
    /// The sizes, unless they have more layers than the weights. Layers are made before weights are read, and a
    /// mistyped number of them would take minutes and all memory.
    /// </summary>
    private static T Stored<T>(string path, T sizes, Func<T, int> layers, string field)
    {
        using var checkpoint = CheckpointReader.Open(path);
        var stored = 1 + checkpoint.Tensors.Keys
            .Select(name => LayerNumber().Match(name))
            .Where(match => match.Success)
            .Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture))
            .DefaultIfEmpty(-1)
            .Max();
        return layers(sizes) <= stored || stored == 0
            ? sizes
            : throw new ConfigurationException($"{field} is {layers(sizes)}, but the weights have {stored}");
    }

    [GeneratedRegex(@"(?:^|\.)(?:layers|h)\.(\d{1,8})\.")]
    private static partial Regex LayerNumber();
}
