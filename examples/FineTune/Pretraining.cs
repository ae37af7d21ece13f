using System.Text.Json;
using Marrow.Examples.FineTune.Data;
using Marrow.Language;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>Makes a small base from generated problems of one step, or finds the one of an earlier run.</summary>
internal static class Pretraining
{
    private const double LearningRate = 3e-3;
    private const int Problems = 20000, Context = 128;

    /// <summary>The base under <c>--out</c>; null if the user stopped its training.</summary>
    public static BaseModel? Prepare(Options options, Screen screen, CancellationToken stop)
    {
        var directory = Path.Combine(options.Out, options.IsRwkv ? "base-rwkv6" : "base");
        var stamp = Path.Combine(directory, "pretraining.json");
        var settings = JsonSerializer.Serialize(new
        {
            options.Model,
            options.PretrainData,
            options.Context,
            options.PretrainSteps,
            options.BatchSize,
            Seed = options.Seeds[0],
            LearningRate,
            Problems,
            Tokenizer = CharacterTokenizer.Json,
            // another way to generate them is another base
            Examples = new GeneratedProblems(options.Seeds[0]).OneStep().Take(4),
        });
        if (File.Exists(stamp) && File.ReadAllText(stamp) == settings)
        {
            screen.Say($"Base: {directory}, pretrained by an earlier run.");
            return BaseModel.Open(directory);
        }

        manual_seed(options.Seeds[0]);
        using var building = Construction.On(options.Device);
        using var model = Small(options);
        var source = options.PretrainData is { } file
            ? $"the text of {Path.GetFileName(file)}"
            : "generated problems of one step";
        screen.Say(
            $"Base: {(options.IsRwkv ? "an RWKV-6" : "a LLaMA")} of {FineTuning.Trainable(model):N0} parameters, "
            + $"pretrained on {source}.");
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

    private static ICausalModel Small(Options options)
    {
        if (!options.IsRwkv)
        {
            return new DecoderFull(new(
                CharacterTokenizer.VocabularySize, Hidden: 128, Intermediate: 256, Layers: 3, Heads: 4,
                    KeyValueHeads: 4, options.Context ?? Context));
        }

        var rwkv = new Rwkv6Full(new(CharacterTokenizer.VocabularySize, Width: 128, Inner: 256, Layers: 3, HeadSize: 32,
            MixRank: 16, DecayRank: 16));
        rwkv.InitializeForPretraining();
        return rwkv;
    }

    private static bool Train(ICausalModel model, Options options, Screen screen, CancellationToken stop)
    {
        var scratch = Directory.CreateTempSubdirectory("marrow-");
        try
        {
            var tokenizer = CharacterTokenizer.Write(scratch.FullName);
            var context = options.Context ?? Context;
            var texts = options.PretrainData is { } file
                ? TextSplit.Pieces(tokenizer, File.ReadAllText(file), context)
                : new InstructionEncoder(tokenizer, PromptTemplate.Plain).EncodeAll(
                    new GeneratedProblems(options.Seeds[0]).OneStep().Take(Problems), context).Fitting;
            if (texts.Count == 0)
            {
                throw new UserException(
                    $"--context {context} holds none of the texts to pretrain on; the small base's own is {Context}.");
            }

            var batches = new TextBatches(texts, options.BatchSize, (ulong)options.Seeds[0]);
            using var training = new TextTraining(model, batches, options.Recipe(options.PretrainSteps, LearningRate));
            screen.Track("pretraining", options.PretrainSteps, report =>
            {
                training.Run(progress => report(progress.Step, progress.Loss), stop);
                return true;
            });
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }
}
