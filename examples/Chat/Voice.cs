using LLama;
using LLama.Common;
using LLama.Exceptions;
using LLama.Native;
using LLama.Sampling;
using Marrow.Models;

namespace Marrow.Examples.Chat;

/// <summary>What continues a text.</summary>
internal abstract class Voice : IDisposable
{
    /// <summary>Its name.</summary>
    public abstract string Name { get; }

    /// <summary>The ids that follow a prompt, one after another.</summary>
    public abstract IEnumerable<int> Continue(int[] prompt, GenerationOptions options, CancellationToken stop);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>A model in Marrow's own decoding.</summary>
internal sealed class MarrowVoice(ICausalModel model) : Voice
{
    public override string Name => "Marrow";

    public override IEnumerable<int> Continue(int[] prompt, GenerationOptions options, CancellationToken stop) =>
        Generation.Stream(model, [prompt], options, stop).Select(token => token.Id);

    public override void Dispose() => model.Dispose();
}

/// <summary>A GGUF file in llama.cpp, by way of LLamaSharp.</summary>
internal sealed class LlamaCppVoice : Voice
{
    private readonly LLamaWeights weights;
    private readonly LLamaContext context;

    static LlamaCppVoice() => NativeLibraryConfig.All.WithLogCallback((_, _) => { });

    /// <param name="path">The file.</param>
    /// <exception cref="UserException">llama.cpp cannot read it.</exception>
    public LlamaCppVoice(string path)
    {
        try
        {
            var parameters = new ModelParams(path) { GpuLayerCount = 0 };
            weights = LLamaWeights.LoadFromFile(parameters);
            parameters.ContextSize = (uint)weights.ContextSize;
            context = weights.CreateContext(parameters);
        }
        catch (Exception fault) when (
            fault is LLamaDecodeError or LoadWeightsFailedException or ArgumentException or IOException)
        {
            throw new UserException($"{path}: llama.cpp cannot load it ({fault.Message.TrimEnd('.')}).", fault);
        }
    }

    public override string Name => "llama.cpp";

    public override IEnumerable<int> Continue(int[] prompt, GenerationOptions options, CancellationToken stop)
    {
        if (prompt.Length >= context.ContextSize)
        {
            throw new ArgumentException(
                $"The prompt has {prompt.Length} tokens; the context is {context.ContextSize}.");
        }

        using ISamplingPipeline sampling = options.Temperature == 0
            ? new GreedySamplingPipeline()
            : new DefaultSamplingPipeline
            {
                Temperature = (float)options.Temperature,
                TopP = (float)options.TopP,
                TopK = 0,
                Seed = (uint)options.Seed,
            };
        context.NativeHandle.MemoryClear(true);
        var batch = new LLamaBatch();
        var position = 0;
        foreach (var id in prompt)
        {
            batch.Add(id, position++, LLamaSeqId.Zero, logits: position == prompt.Length);
        }

        for (var i = 0; i < options.Count && position < context.ContextSize && !stop.IsCancellationRequested; i++)
        {
            if (context.Decode(batch) != DecodeResult.Ok)
            {
                throw new UserException("llama.cpp could not go on decoding.");
            }

            var next = (int)sampling.Sample(context.NativeHandle, batch.TokenCount - 1);
            if (options.Stops?.Contains(next) == true)
            {
                yield break;
            }

            yield return next;
            batch.Clear();
            batch.Add(next, position++, LLamaSeqId.Zero, logits: true);
        }
    }

    public override void Dispose()
    {
        context.Dispose();
        weights.Dispose();
    }
}
