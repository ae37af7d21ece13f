using Marrow.Models;

namespace Marrow.Tool.Scaffolding;

/// <summary>The architecture of a checkpoint, and the call of its constructor with the checkpoint's sizes.</summary>
/// <param name="Type">The class.</param>
/// <param name="Arguments">The arguments as C#.</param>
internal sealed record ModelBase(string Type, IReadOnlyList<string> Arguments)
{
    /// <summary>Reads a checkpoint's description; no weight is read, and libtorch is not needed.</summary>
    /// <param name="path">A folder with a config.json, or an RWKV-6.</param>
    /// <exception cref="CheckpointException">It cannot be read, or is of a model that is not supported.</exception>
    public static ModelBase Of(string path) =>
        File.Exists(Path.Combine(path, "config.json")) && VisionArchitecture.Find(path) is { } vision
            ? new(
                vision.Type.Name,
                [.. vision.Arguments.Select(argument => $"{argument.Name}: {CSharpText.Of(argument.Value)}")])
            : OfSizes(CausalModel.Sizes(path));

    /// <summary>The same of sizes that are known.</summary>
    public static ModelBase OfSizes(object sizes) => sizes switch
    {
        DecoderSizes decoder when OfLlama(decoder) is { } arguments => new(nameof(Llama), arguments),
        DecoderSizes => new(nameof(Decoder), [CSharpText.Call("new DecoderSizes", CSharpText.Arguments(sizes), "")]),
        Gpt2Sizes => new(nameof(Gpt2), [CSharpText.Call("new Gpt2Sizes", CSharpText.Arguments(sizes), "")]),
        _ => new(nameof(Rwkv6), [.. CSharpText.Arguments(sizes).Select(Camel)]),
    };

    /// <summary>The arguments of <see cref="Llama"/>, if these are all that the sizes say.</summary>
    private static IReadOnlyList<string>? OfLlama(DecoderSizes sizes)
    {
        var plain = new DecoderSizes(
            sizes.Vocabulary, sizes.Hidden, sizes.Intermediate, sizes.Layers, sizes.Heads, sizes.KeyValueHeads,
            sizes.Context, sizes.NormEps, sizes.RopeTheta, sizes.Tied, Rope: sizes.Rope);
        return plain == sizes ? [.. CSharpText.Arguments(sizes).Select(Camel)] : null;
    }

    private static string Camel(string argument) => char.ToLowerInvariant(argument[0]) + argument[1..];
}
