using System.Text.Json;
using Marrow.Language;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>What the command line says.</summary>
/// <param name="Model">What to pretrain: llama or rwkv6.</param>
/// <param name="Base">Folder of a Hugging Face model, or an RWKV-6's weights; null: pretrain a small one.</param>
/// <param name="Template">How problems are written.</param>
/// <param name="Data">A file of problems, or null: generate them.</param>
/// <param name="PretrainData">A text to pretrain the small base on, or null: generated problems.</param>
/// <param name="Context">The longest sequence, or null: the base's own.</param>
/// <param name="Methods">What to compare, in this order.</param>
/// <param name="Steps">Fine-tuning steps of each method.</param>
/// <param name="PretrainSteps">Steps of pretraining.</param>
/// <param name="BatchSize">Problems in a step.</param>
/// <param name="LearningRate">Peak rate of every method, or null: each method's own.</param>
/// <param name="BlockSize">Block size of Bone; the others get the rank with about as many parameters.</param>
/// <param name="Test">The most held-out problems to solve.</param>
/// <param name="Seeds">
/// Each decides adapters' starting values and the order of problems; the first also the data and the base.
/// </param>
/// <param name="Out">Folder of what is kept.</param>
/// <param name="Json">File for the results, or null.</param>
/// <param name="Device">Where to train.</param>
/// <param name="Type">The type of the weights.</param>
internal sealed record Options(
    string Model,
    string? Base,
    PromptTemplate Template,
    string? Data,
    string? PretrainData,
    int? Context,
    IReadOnlyList<FineTuningMethod> Methods,
    int Steps,
    int PretrainSteps,
    int BatchSize,
    double? LearningRate,
    int BlockSize,
    int Test,
    IReadOnlyList<int> Seeds,
    string Out,
    string? Json,
    Device Device,
    ScalarType Type)
{
    /// <summary>Whether an RWKV-6 is pretrained.</summary>
    public bool IsRwkv => Model == "rwkv6";

    /// <summary>The recipe that all methods share: a short warm-up, then a cosine down to a twentieth.</summary>
    public TextTrainingOptions Recipe(int steps, double learningRate, string? checkpoint = null) => new()
    {
        Steps = steps,
        LearningRate = learningRate,
        WarmUp = Math.Max(1, steps / 20),
        LastRate = 0.05,
        WeightDecay = 0.01,
        Checkpoint = checkpoint,
        CheckpointEvery = 20,
    };

    /// <summary>All that decides the run, as text.</summary>
    public string Settings => JsonSerializer.Serialize(new
    {
        Model,
        Base,
        Template,
        Data,
        PretrainData,
        Context,
        Steps,
        PretrainSteps,
        BatchSize,
        LearningRate,
        BlockSize,
        Test,
        Seeds,
    });
}
