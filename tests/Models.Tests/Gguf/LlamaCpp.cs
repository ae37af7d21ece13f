using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Marrow.Tests.Gguf;

/// <summary>A GGUF file in the hands of llama.cpp, an implementation that is not ours.</summary>
internal sealed class LlamaCpp : IDisposable
{
    private readonly LLamaWeights weights;
    private readonly LLamaContext context;

    static LlamaCpp() => NativeLibraryConfig.All.WithLogCallback((_, _) => { });

    public LlamaCpp(string path, string? adapter = null)
    {
        var parameters = new ModelParams(path)
        {
            ContextSize = 128,
            GpuLayerCount = 0,
            Threads = 1,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
        };
        weights = LLamaWeights.LoadFromFile(parameters);
        context = weights.CreateContext(parameters);
        if (adapter is not null)
        {
            context.NativeHandle.SetLoraAdapters([(weights.NativeHandle.LoadLoraFromFile(adapter), 1)]);
        }
    }

    /// <summary>The longest text that the file says it is for.</summary>
    public int Context => weights.ContextSize;

    /// <summary>Logits [positions][vocabulary].</summary>
    public float[][] Logits(IReadOnlyList<long> ids)
    {
        context.NativeHandle.MemoryClear(true);
        var batch = new LLamaBatch();
        for (var i = 0; i < ids.Count; i++)
        {
            batch.Add((LLamaToken)(int)ids[i], i, LLamaSeqId.Zero, logits: true);
        }

        if (context.Decode(batch) != DecodeResult.Ok)
        {
            throw new InvalidOperationException("llama.cpp could not decode");
        }

        return [.. Enumerable.Range(0, ids.Count).Select(i => context.NativeHandle.GetLogitsIth(i).ToArray())];
    }

    public int[] Tokenize(string text, bool addBegin) =>
        [.. weights.Tokenize(text, addBegin, true, Encoding.UTF8).Select(token => (int)token)];

    public void Dispose()
    {
        context.Dispose();
        weights.Dispose();
    }
}
