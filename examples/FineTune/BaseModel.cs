using System.Text.Json;
using Marrow.Checkpoints;
using Marrow.Examples.FineTune.Data;
using Marrow.Models;
using Marrow.Tokenizers;

namespace Marrow.Examples.FineTune;

/// <summary>The model that every method starts from: a Hugging Face folder.</summary>
/// <param name="Directory">The folder.</param>
/// <param name="Sizes">What its config.json says.</param>
/// <param name="Tokenizer">Its own.</param>
internal sealed record BaseModel(string Directory, LlamaSizes Sizes, Tokenizer Tokenizer)
{
    /// <summary>A folder that is there.</summary>
    public static BaseModel Open(string directory)
    {
        var (sizes, tokenizer) = (LlamaSizes.Read(directory), Tokenizer.Load(directory));
        return tokenizer.VocabularySize <= sizes.Vocabulary
            ? new(directory, sizes, tokenizer)
            : throw new UserException($"{directory}: its tokenizer has {tokenizer.VocabularySize} ids, but its model only {sizes.Vocabulary}.");
    }
}

/// <summary>Makes a small base from generated problems of one step, or finds the one of an earlier run.</summary>
internal static class Pretraining
{
    private const double LearningRate = 3e-3;
    private const int Problems = 20000;

    private static readonly LlamaSizes Small = new(
        CharacterTokenizer.VocabularySize, Hidden: 128, Intermediate: 256, Layers: 3, Heads: 4, KeyValueHeads: 4, Context: 128);

    /// <summary>The base under <c>--out</c>; null if the user stopped its training.</summary>
    public static BaseModel? Prepare(Options options, Screen screen, CancellationToken stop)
    {
        var directory = Path.Combine(options.Out, "base");
        var stamp = Path.Combine(directory, "pretraining.json");
        var settings = JsonSerializer.Serialize(new { Small, options.PretrainSteps, options.BatchSize, options.Seed, LearningRate, Problems });
        if (File.Exists(stamp) && File.ReadAllText(stamp) == settings)
        {
            screen.Say($"Base: {directory}, pretrained by an earlier run.");
            return BaseModel.Open(directory);
        }

        TorchSharp.torch.manual_seed(options.Seed);
        using var building = Construction.On(options.Device);
        using var model = new FullTuning(Small);
        screen.Say($"Base: a LLaMA of {Method.Trainable(model):N0} parameters, pretrained on generated problems of one step.");
        if (!Train(model, options, screen, stop))
        {
            return null;
        }

        // The stamp comes last: a folder without it is not taken for finished.
        model.SavePretrained(directory);
        CharacterTokenizer.Write(directory);
        AtomicFile.WriteText(stamp, settings);
        return BaseModel.Open(directory);
    }

    private static bool Train(Llama model, Options options, Screen screen, CancellationToken stop)
    {
        var scratch = System.IO.Directory.CreateTempSubdirectory("marrow-");
        try
        {
            var encoder = new Encoder(CharacterTokenizer.Write(scratch.FullName), Small.Context);
            var problems = new GeneratedProblems(options.Seed).OneStep().Take(Problems);
            var batches = new Batches(encoder.EncodeAll(problems).Fitting, options.BatchSize, options.Seed, options.Device);
            var run = screen.Track("pretraining", options.PretrainSteps, report =>
                TrainingLoop.Run(model, batches, options.PretrainSteps, LearningRate, report, stop));
            return run.Ending switch
            {
                Ending.Complete => true,
                Ending.CutOff => false,
                _ => throw new UserException("Pretraining diverged: its loss is not finite; try another --seed."),
            };
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }
}
