using Marrow.Checkpoints;

namespace Marrow.Models;

/// <summary>The sizes of an RWKV-6, as its weights show them.</summary>
/// <param name="Vocabulary">Rows of emb.weight.</param>
/// <param name="Width">Width of the residual stream.</param>
/// <param name="Inner">Width inside the feed-forward network.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="HeadSize">Size of a head.</param>
/// <param name="MixRank">Rank of the token-dependent mixing.</param>
/// <param name="DecayRank">Rank of the token-dependent decay.</param>
public sealed record Rwkv6Sizes(
    int Vocabulary, int Width, int Inner, int Layers, int HeadSize = 64, int MixRank = 32, int DecayRank = 64)
{
    /// <summary>Reads the sizes from a checkpoint's shapes, which RWKV keeps without a configuration file.</summary>
    /// <param name="path">A .pth or safetensors file, or a folder of the latter.</param>
    /// <exception cref="CheckpointException">It cannot be read or is not RWKV-6's.</exception>
    public static Rwkv6Sizes Read(string path)
    {
        using var checkpoint = CheckpointReader.Open(path);
        var embedding = Shape("emb.weight", 2);
        var layers = 0;
        while (checkpoint.Tensors.ContainsKey($"blocks.{layers}.ln1.weight"))
        {
            layers++;
        }

        return new(
            embedding[0],
            embedding[1],
            Shape("blocks.0.ffn.key.weight", 2)[0],
            layers,
            Shape("blocks.0.att.time_faaaa", 2)[1],
            Shape("blocks.0.att.time_maa_w2", 3)[1],
            Shape("blocks.0.att.time_decay_w1", 2)[1]);

        int[] Shape(string name, int dimensions) =>
            checkpoint.Tensors.TryGetValue(name, out var info) && info.Shape.Count == dimensions
                && info.Shape.All(size => size is > 0 and < int.MaxValue)
                ? [.. info.Shape.Select(size => (int)size)]
                : throw new CheckpointException(
                    path, $"it has no '{name}' of {dimensions} dimensions", "use the weights of an RWKV-6 (x060)");
    }
}
