using Marrow.Generators.Resolution;
using Marrow.Models;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Generation;
using Marrow.Tool.Scaffolding;

namespace Marrow.Tool.Planning;

/// <summary>
/// Plans a model from its description: the generator counts the class that <c>marrow scaffold</c> would write. No
/// weight is read, and libtorch is not needed.
/// </summary>
internal static class MemoryPlanner
{
    /// <summary>Bytes of values by type.</summary>
    public static IReadOnlyDictionary<string, int> Types { get; } =
        new Dictionary<string, int> { ["float32"] = 4, ["bfloat16"] = 2, ["float16"] = 2 };

    // Measured: the process after its first product, and an H200's context with cuBLAS.
    private const long CpuLibrary = 250_000_000, CudaLibrary = 600_000_000;

    /// <summary>Plans a model.</summary>
    /// <param name="path">Its folder, or an RWKV-6.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="attributes">The attributes of the method; none: every weight trains.</param>
    /// <param name="type">The type of its weights.</param>
    /// <param name="batch">Sequences at once.</param>
    /// <param name="length">Tokens of each; null: the model's context, at most 1024.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="CheckpointException">It cannot be read, or is of a model that is not supported.</exception>
    /// <exception cref="ToolException">The method does not suit the model's sizes.</exception>
    public static MemoryPlan Plan(
        string path,
        string method,
        IReadOnlyList<Attribute> attributes,
        string type,
        int batch,
        int? length,
        CancellationToken stop)
    {
        var (sizes, architecture) = (CausalModel.Sizes(path), ModelBase.Of(path));
        CausalModel.RequireLayers(path, sizes);
        var (context, vocabulary) = sizes switch
        {
            DecoderSizes decoder => (decoder.Context, decoder.Vocabulary),
            Gpt2Sizes gpt2 => (gpt2.Context, gpt2.Vocabulary),
            _ => (int.MaxValue, ((Rwkv6Sizes)sizes).Vocabulary),
        };
        if (length > context)
        {
            throw new ToolException($"--length {length} is more than the model's context of {context} tokens.");
        }

        var tokens = length ?? Math.Min(context, 1024);
        var model = Generate(new("Planned", architecture, attributes, []), stop);
        var counts = new Counts(model.Rows, Types[type]);
        return new(
            path,
            architecture.Type,
            method,
            type,
            batch,
            tokens,
            counts.Base + counts.Adapters,
            counts.Trained + counts.Adapters,
            new Dictionary<string, DeviceMemory>
            {
                ["cpu"] = Memory(isCpu: true),
                ["cuda"] = Memory(isCpu: false),
            });

        DeviceMemory Memory(bool isCpu)
        {
            var size = Types[type];
            var kept = new KeptActivations(new(model.Layers), size, isFused: isCpu && size == 4, tokens);
            var (count, library) = ((long)batch * tokens, isCpu ? CpuLibrary : CudaLibrary);
            return new(
                new(
                    counts.Weights,
                    counts.Gradients,
                    counts.Optimizer,
                    count * (kept.OfToken(sizes) + kept.OfLogits(vocabulary)),
                    library),
                new(counts.Weights, Cache(sizes, size, batch, tokens), count * Widest(sizes) * size, library));
        }
    }

    private static GeneratedModel Generate(ScaffoldedClass scaffolded, CancellationToken stop)
    {
        var compilation = ModelCompilation.Of(("Planned.cs", scaffolded.ToText(null)));
        var model = compilation.Generate(compilation.Models(stop)[0], stop);
        return model.Findings.FirstOrDefault() is { } finding
            ? throw new ToolException(finding.GetMessage(System.Globalization.CultureInfo.InvariantCulture))
            : model;
    }

    /// <summary>Keys and values of every token, or RWKV's state, which is in float32.</summary>
    private static long Cache(object sizes, int size, long batch, long tokens) => batch * sizes switch
    {
        DecoderSizes decoder => 2L * decoder.Layers * decoder.KeyValueHeads * decoder.HeadSize * tokens * size,
        Gpt2Sizes gpt2 => 2L * gpt2.Layers * gpt2.Hidden * tokens * size,
        Rwkv6Sizes rwkv => (long)rwkv.Layers * rwkv.Width * ((rwkv.HeadSize * 4) + (2 * size)),
        _ => 0,
    };

    /// <summary>
    /// What a pass over a prompt holds at once: the stream, and the widest layer's inputs and outputs.
    /// </summary>
    private static long Widest(object sizes) => sizes switch
    {
        DecoderSizes decoder => (2L * decoder.Hidden) + (3L * decoder.Intermediate),
        Gpt2Sizes gpt2 => (2L * gpt2.Hidden) + (2L * (gpt2.Intermediate ?? 4 * gpt2.Hidden)),
        _ => ((Rwkv6Sizes)sizes).Width * 12L,
    };

    /// <summary>Parameters by what becomes of them.</summary>
    private sealed class Counts(IReadOnlyList<PlanRow> rows, int size)
    {
        private readonly bool isAdapted = rows.Any(row => row.Adapter is not null);

        public long Base => Sum(row => row.Parameters);

        public long Adapters => Sum(row => row.AdapterParameters);

        /// <summary>Of the base, those that are trained.</summary>
        public long Trained => Sum(row => isAdapted && !row.IsTrained ? 0 : row.Parameters);

        public long Weights => (Base * size) + (Adapters * 4);

        public long Gradients => (Trained * size) + (Adapters * 4);

        public long Optimizer => (Trained * (8 + (size < 4 ? 4 : 0))) + (Adapters * 8);

        private long Sum(Func<PlanRow, long?> count) => rows.Sum(row => (row.Repeat ?? 0) * (count(row) ?? 0));
    }
}
