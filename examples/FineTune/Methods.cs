using Marrow.Models;

namespace Marrow.Examples.FineTune;

/// <summary>A way to fine-tune.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="LearningRate">The peak rate unless the command line says another.</param>
/// <param name="Decoder">
/// Makes the model on a decoder from the base's sizes, the block size of Bone and the rank of the others.
/// </param>
/// <param name="Gpt2">The same on GPT-2.</param>
/// <param name="Rwkv6">The same on RWKV-6.</param>
internal sealed record Method(
    string Name,
    double LearningRate,
    Func<DecoderSizes, Size, ICausalModel> Decoder,
    Func<Gpt2Sizes, Size, ICausalModel> Gpt2,
    Func<Rwkv6Sizes, Size, ICausalModel> Rwkv6)
{
    /// <summary>All that there are.</summary>
    public static IReadOnlyList<Method> All { get; } =
    [
        new(
            "full",
            2e-3,
            (sizes, _) => new DecoderFull(sizes),
            (sizes, _) => new Gpt2Full(sizes),
            (sizes, _) => new Rwkv6Full(sizes)),
        new(
            "lora",
            6e-3,
            (sizes, size) => new DecoderLora(sizes, size.Rank),
            (sizes, size) => new Gpt2Lora(sizes, size.Rank),
            (sizes, size) => new Rwkv6Lora(sizes, size.Rank)),
        new(
            "lora+",
            2e-3,
            (sizes, size) => new DecoderLoraPlus(sizes, size.Rank),
            (sizes, size) => new Gpt2LoraPlus(sizes, size.Rank),
            (sizes, size) => new Rwkv6LoraPlus(sizes, size.Rank)),
        new(
            "pissa",
            4e-3,
            (sizes, size) => new DecoderPissa(sizes, size.Rank),
            (sizes, size) => new Gpt2Pissa(sizes, size.Rank),
            (sizes, size) => new Rwkv6Pissa(sizes, size.Rank)),
        new(
            "olora",
            4e-3,
            (sizes, size) => new DecoderOlora(sizes, size.Rank),
            (sizes, size) => new Gpt2Olora(sizes, size.Rank),
            (sizes, size) => new Rwkv6Olora(sizes, size.Rank)),
        new(
            "lora-ga",
            4e-3,
            (sizes, size) => new DecoderLoraGa(sizes, size.Rank),
            (sizes, size) => new Gpt2LoraGa(sizes, size.Rank),
            (sizes, size) => new Rwkv6LoraGa(sizes, size.Rank)),
        new(
            "dora",
            6e-3,
            (sizes, size) => new DecoderDora(sizes, size.Rank),
            (sizes, size) => new Gpt2Dora(sizes, size.Rank),
            (sizes, size) => new Rwkv6Dora(sizes, size.Rank)),
        new(
            "bone-row",
            4e-3,
            (sizes, size) => new DecoderBoneRow(sizes, size.Block),
            (sizes, size) => new Gpt2BoneRow(sizes, size.Block),
            (sizes, size) => new Rwkv6BoneRow(sizes, size.Block)),
        new(
            "bone-column",
            4e-3,
            (sizes, size) => new DecoderBoneColumn(sizes, size.Block),
            (sizes, size) => new Gpt2BoneColumn(sizes, size.Block),
            (sizes, size) => new Rwkv6BoneColumn(sizes, size.Block)),
        new(
            "bone-free",
            4e-3,
            (sizes, size) => new DecoderBoneFree(sizes, size.Block),
            (sizes, size) => new Gpt2BoneFree(sizes, size.Block),
            (sizes, size) => new Rwkv6BoneFree(sizes, size.Block)),
    ];

    /// <summary>The base itself.</summary>
    public static Method Full => All[0];

    /// <summary>Whether the method trains adapters and leaves the base's weights as they are.</summary>
    public bool IsAdapter => this != Full;

    /// <summary>Whether the adapters start along gradients, which takes some batches.</summary>
    public bool StartsFromGradients => Name == "lora-ga";

    /// <summary>How many parameters training changes.</summary>
    public static long Trainable(ICausalModel model) =>
        model.Module.parameters().Where(p => p.requires_grad).Sum(p => p.numel());
}

/// <summary>The size of adapters.</summary>
/// <param name="Block">Block size of Bone.</param>
/// <param name="Rank">Rank of LoRA and its kin.</param>
internal sealed record Size(int Block, int Rank);
