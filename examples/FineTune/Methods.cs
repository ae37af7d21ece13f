using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>A way to fine-tune.</summary>
/// <param name="Name">As on the command line.</param>
/// <param name="LearningRate">The peak rate unless the command line says another.</param>
/// <param name="Build">Makes the model from the base's sizes and the block size of Bone.</param>
internal sealed record Method(string Name, double LearningRate, Func<LlamaSizes, int, Llama> Build)
{
    /// <summary>All that there are.</summary>
    public static IReadOnlyList<Method> All { get; } =
    [
        new("bone-row", 4e-3, (sizes, block) => new BoneRow(sizes, block)),
        new("bone-column", 4e-3, (sizes, block) => new BoneColumn(sizes, block)),
        new("bone-free", 4e-3, (sizes, block) => new BoneFree(sizes, block)),
        new("lora", 6e-3, (sizes, block) => new LoraTuning(sizes, EqualRank(sizes, block))),
        new("full", 2e-3, (sizes, _) => new FullTuning(sizes)),
    ];

    /// <summary>Whether the method trains adapters and leaves the base's weights as they are.</summary>
    public bool IsAdapter => Name != "full";

    /// <summary>
    /// A fresh model of this method: built as shapes only, then given the base's weights, so that nothing is
    /// initialised twice. The seed decides the adapters' starting values.
    /// </summary>
    public Llama Create(BaseModel from, Options options)
    {
        manual_seed(options.Seed);
        try
        {
            using var shapes = Construction.On(META);
            var model = Build(from.Sizes, options.BlockSize);
            model.LoadPretrained(from.Directory, options.Device);
            return model;
        }
        catch (ArgumentException fault)
        {
            throw new UserException($"{Name} does not fit this base: {fault.Message}", fault);
        }
    }

    /// <summary>How many parameters training changes.</summary>
    public static long Trainable(Llama model) => model.parameters().Where(p => p.requires_grad).Sum(p => p.numel());

    /// <summary>The rank at which LoRA has about as many parameters as Bone has with this block size.</summary>
    private static int EqualRank(LlamaSizes sizes, int block)
    {
        using var shapes = Construction.On(META);
        using var bone = new BoneFree(sizes, block);
        using var lora = new LoraTuning(sizes, rank: 1);
        return Math.Max(1, (int)Math.Round((double)Trainable(bone) / Trainable(lora)));
    }
}
