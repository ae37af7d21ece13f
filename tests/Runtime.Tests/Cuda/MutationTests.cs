using Marrow.CompilerServices;
using Marrow.Cuda;
using Marrow.Cuda.Emulation;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Cuda;

/// <summary>
/// What the emulator sees: with a barrier, a bound or a lane taken out of a text, some order of the threads gives
/// another result than the whole text does.
/// </summary>
public sealed class MutationTests : IDisposable
{
    private const int Orders = 6;

    private static readonly EmulatedDriver Whole = new();

    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("all have used the last token")]
    [InlineData("all have written this one", 0)]
    [InlineData("all have used the token behind")]
    [InlineData("all have written this one", 1)]
    [InlineData("all have used the segment behind")]
    [InlineData("all have written this one", 2)]
    public void ABarrierOfWkv6_IsMissed(string comment, int number = 0) => AssertSeen(
        "wkv6", $"__syncthreads(); // {comment}", "//", number,
        () => CudaOperations.Wkv6(1, 70, 1, 64, float32, hasState: true));

    [Theory]
    [InlineData("marrow.cuh", "if (c + i < columns) entries", "entries")]
    [InlineData("marrow.cuh", "if (c + i < columns) row", "row")]
    [InlineData("marrow.cuh", "return columns % ENTRIES == 0 &&", "return")]
    [InlineData("lsq", "if (row >= rows) return;", "")]
    public void ABoundOfLsq_IsMissed(string text, string part, string other) =>
        // A row more would end where the memory of the rows' steps does.
        AssertSeen(text, part, other, 0, () => CudaOperations.LsqInPlace(15, 12));

    [Theory]
    [InlineData("all have shown theirs")]
    [InlineData("all have read them")]
    public void ABarrierOfLsq_IsMissed(string comment) => AssertSeen(
        "lsq", $"__syncthreads(); // {comment}", "//", 0,
        () => CudaOperations.LsqValues(
            float32, 64, 12, ScaleGranularity.Channel, hasShift: true, LevelRange.Signed(3)));

    [Theory]
    [InlineData("marrow.cuh", "mask > 0", "mask > 1")]
    [InlineData("levels", "first + n * WARPS", "first + n")]
    [InlineData("levels", "+ zero * inner", "")]
    public void APartOfProducts_IsMissed(string text, string part, string other) => AssertSeen(
        text, part, other, 0, () => LevelKernelTests.Product(60, 24));

    [Theory]
    [InlineData("all have shown theirs")]
    [InlineData("all have read them")]
    public void ABarrierOfSoftmax_IsMissed(string comment) => AssertSeen(
        "softmax", $"__syncthreads(); // {comment}", "//", 0,
        () => SoftmaxKernelTests.Weights(float32, 1, 1100, biases: null));

    [Theory]
    [InlineData("packed", "packs && c < columns", "packs")]
    [InlineData("packed", "if (c + i < columns) entries", "entries")]
    [InlineData("packed", "w += 32 * OWN_WORDS", "w += 64 * OWN_WORDS")]
    [InlineData("packed", "|| first + o >= outputs", "")]
    public void APartOfPackedProducts_IsMissed(string text, string part, string other) =>
        AssertSeen(text, part, other, 0, PackedKernelTests.Products);

    [Theory]
    [InlineData("marrow.cuh", "mask > 0", "mask > 1")]
    [InlineData("statsq", "c += 32 * ENTRIES", "c += 64 * ENTRIES")]
    public void APartOfStatsQ_IsMissed(string text, string part, string other) => AssertSeen(
        text, part, other, 0, () => CudaOperations.StatsQCodes(CudaOperations.Weight(float32, 9, 300), 4));

    [Theory]
    [InlineData("__syncthreads(); // all of B is there", "")]
    [InlineData("i += parts)", "i += parts + 1)")]
    [InlineData("if (row_tile == w_tile)", "")]
    public void APartOfBone_IsMissed(string part, string other) => AssertSeen("bone", part, other, 0, () =>
    {
        manual_seed(1);
        var (weight, block) = (randn(128, 9 * 64).to(bfloat16), randn(2, 64, 64).to(bfloat16));
        return
        [
            BlockAffine.Adapt(weight, block),
            BlockAffine.BlockGradient(weight, block, randn(2, 128).to(bfloat16), randn(2, 9 * 64).to(bfloat16)),
        ];
    });

    [Theory]
    [InlineData("__syncthreads(); // all rows are summed", "")]
    [InlineData("(group + 1) * rows_of_group < rows ?", "true ?")]
    [InlineData("if (first + threadIdx.x >= columns) return;", "")]
    public void APartOfRmsNorm_IsMissed(string part, string other) => AssertSeen("rms_norm", part, other, 0, () =>
    {
        manual_seed(1);
        var (x, dy, roots) = (randn(16, 9).narrow(0, 0, 13), randn(16, 9).narrow(0, 0, 13), rand(16));
        var sevens = full(1024, 7f);
        CudaRmsNorm.For(x, x)!.Launch("rms_norm_weight", 2, 256, dy, x, roots, sevens, 13, 9L, 8L);
        return [sevens];
    });

    [Theory]
    [InlineData("rotary", "n < heads * packs", "n < heads * packs - 1")]
    [InlineData("rotary", "&& head_stride % ENTRIES == 0", "")]
    [InlineData("gated", "return row < rows;", "return true;")]
    [InlineData("gated", "&& stride % ENTRIES == 0", "")]
    public void ABoundOfADecodersParts_IsMissed(string text, string part, string other) =>
        AssertSeen(text, part, other, 0, () =>
        {
            manual_seed(1);
            var turned = RotaryEmbedding.Rotate(randn(1, 2, 3, 19).narrow(3, 0, 16), ones(2, 16), ones(2, 16));
            var (both, sevens) = (randn(256, 19).narrow(0, 0, 5), full(4096, 7f));
            CudaGatedUnit.For(both, both, tanh: false)!.Launch(
                "gated_forward", 1, 256, CudaArgument.View(both), CudaArgument.View(both.narrow(1, 8, 8)), sevens, 5L,
                8L, 19L, 19L);
            return [turned, sevens];
        });

    [Theory]
    [InlineData("c + ENTRIES <= end", "true")]
    [InlineData("? p.count : start + CHUNK", "? p.count : p.count")]
    [InlineData("parameters[middle].first <= blockIdx.x", "parameters[middle].first < blockIdx.x")]
    public void APartOfAdamW_IsMissed(string part, string other) => AssertSeen("adamw", part, other, 0, () =>
    {
        manual_seed(1);
        var sevens = full(50000, 7f);
        var moves = ((long, long)[])[(3, 16401), (16500, 12), (17000, 33)];
        var (table, blocks) = CudaAdamW.Table([.. moves.Select(move => new CudaAdamW.Move(
            sevens.narrow(0, move.Item1, move.Item2), full(move.Item2 + 8, 1f).narrow(0, 0, move.Item2),
            zeros(move.Item2 + 8).narrow(0, 0, move.Item2), zeros(move.Item2 + 8).narrow(0, 0, move.Item2), null,
            null, 0.9, 0.1))]);
        CudaAdamW.Step(CudaAdamW.For(sevens)!, tensor(table), blocks, 0.9, 0.99, 0.1, 1e-8);
        return [sevens];
    });

    [Theory]
    [InlineData("__syncthreads(); // all warps have theirs", "")]
    [InlineData("if (c + i < columns) z", "z")]
    [InlineData("int mask = 16", "int mask = 8")]
    public void APartOfCrossEntropy_IsMissed(string part, string other) =>
        AssertSeen("cross_entropy", part, other, 0, () =>
        {
            manual_seed(1);
            var logits = randn(2, 3001);
            var (sum, gradient) = CudaCrossEntropy.Run(
                CudaCrossEntropy.For(logits)!, logits, tensor([5L, 3000L]), -100, 1, wantsGradient: true);
            return [sum, gradient!];
        });

    [Theory]
    [InlineData("(c + i) / 4", "c / 4")]
    [InlineData("round < 10", "round < 9")]
    public void APartOfDropout_IsMissed(string part, string other) => AssertSeen(
        "dropout", part, other, 0, () => [CudaDropout.Apply(
            CudaDropout.For(ones(1))!, ones(300), full(1, 5, dtype: int64), 0.5)]);

    private static void AssertSeen(
        string text, string part, string other, int number, Func<IReadOnlyList<Tensor>> operation)
    {
        KernelHost.RequireEmulator();
        var whole = KernelText.Resource(text.Contains('.') ? text : $"{text}.cu");
        var at = -1;
        for (var i = 0; i <= number; i++)
        {
            at = whole.IndexOf(part, at + 1, StringComparison.Ordinal);
            Assert.True(at >= 0, $"{text} no longer has it.");
        }

        var edited = whole[..at] + other + whole[(at + part.Length)..];
        var expected = Run(Whole, 1);
        var mutant = new EmulatedDriver(source => source == whole ? edited : source);
        Assert.Contains(Enumerable.Range(1, Orders), order => IsSeen((uint)order));

        bool IsSeen(uint order)
        {
            try
            {
                return Run(mutant, order).Zip(expected).Any(pair =>
                    !pair.First.equal(pair.Second).all().item<bool>());
            }
            catch (Exception fault) when (fault is ArithmeticException or CudaException)
            {
                return true;
            }
        }

        IReadOnlyList<Tensor> Run(EmulatedDriver driver, uint order)
        {
            using var cuda = CudaKernels.OnTheCpu(driver);
            driver.Order = order;
            return operation();
        }
    }
}
