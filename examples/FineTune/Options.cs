using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>What the command line says.</summary>
/// <param name="Base">Folder of a Hugging Face LLaMA, or null: pretrain a small one.</param>
/// <param name="Data">A file of problems, or null: generate them.</param>
/// <param name="Methods">What to compare, in this order.</param>
/// <param name="Steps">Fine-tuning steps of each method.</param>
/// <param name="PretrainSteps">Steps of pretraining.</param>
/// <param name="BatchSize">Problems in a step.</param>
/// <param name="LearningRate">Peak rate of every method, or null: each method's own.</param>
/// <param name="BlockSize">Block size of Bone; LoRA gets the rank with about as many parameters.</param>
/// <param name="Test">The most held-out problems to solve.</param>
/// <param name="Seed">Decides data, their order, and starting values.</param>
/// <param name="Out">Folder of what is kept.</param>
/// <param name="Json">File for the results, or null.</param>
/// <param name="Device">Where to train.</param>
internal sealed record Options(
    string? Base,
    string? Data,
    IReadOnlyList<Method> Methods,
    int Steps,
    int PretrainSteps,
    int BatchSize,
    double? LearningRate,
    int BlockSize,
    int Test,
    int Seed,
    string Out,
    string? Json,
    Device Device);
