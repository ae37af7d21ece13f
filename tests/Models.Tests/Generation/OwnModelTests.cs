using Marrow.Language;
using Marrow.Models;
using Marrow.Tokenizers;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Marrow.Tests.Generation;

[Model]
public partial class SmallGpt2() : Gpt2(40, 32, 2, heads: 4, context: 64);

[Recompute, Lora(Rank = 4)]
public sealed partial class SmallGpt2Lora() : SmallGpt2;

/// <summary>The same with attention of the user's own: fused q, k, v, which stand in one layer.</summary>
[Model]
public sealed partial class FusedGpt2(bool keeps) : ICausalModel
{
    [Embedding(40, 32)] public partial Embedding Wte { get; }

    [Linear(32, 96)] public partial Linear CAttn { get; }

    [Linear(32, 40)] public partial Linear LmHead { get; }

    public int? Context => null;

    public Decoding StartDecoding(int batch) => new CachedDecoding(this, batch);

    [Forward]
    private Tensor Network(Tensor ids)
    {
        var x = Wte.call(ids);
        x = x + Attend(x);
        return LmHead.call(x + Attend(x)); // the second one shares the first's weights and has a past of its own
    }

    private Tensor Attend(Tensor x)
    {
        var parts = CAttn.call(x).view(x.size(0), x.size(1), 3, 4, 8).permute(2, 0, 3, 1, 4);
        var (query, key, value) = (parts[0], parts[1], parts[2]);
        if (keeps && CachedDecoding.Current is { } decoding)
        {
            (key, value) = decoding.NextCache().Append(key, value);
        }

        var sees = ones([query.size(2), key.size(2)], dtype: @bool).tril(key.size(2) - query.size(2));
        return scaled_dot_product_attention(query, key, value, sees).transpose(1, 2).flatten(2);
    }
}

/// <summary>Attention with biases and a window, in the place of LLaMA's.</summary>
[Model]
public partial class NearAttention(DecoderSizes sizes, int head, int layer)
    : DecoderAttention(sizes with { QkvBias = true, Window = 7 }, head, layer);

[Replace(typeof(DecoderAttention), typeof(NearAttention))]
public sealed partial class SmallNear() : Models.Llama(40, 32, 48, 2, heads: 4, keyValueHeads: 2, context: 64);

/// <summary>One id for each letter.</summary>
internal sealed class LetterTokenizer : Tokenizer
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyz .,:#\n'?";

    public override int? BeginId => 0;

    public override int EndId => 1;

    public override int VocabularySize => Letters.Length + 2;

    public override int[] Encode(string text, bool addBegin = true)
    {
        var ids = text.ToLowerInvariant().Select(letter => Letters.IndexOf(letter) + 2);
        return [.. addBegin ? ids.Prepend(0) : ids];
    }

    public override string Decode(IEnumerable<int> ids, bool keepSpecial = false) =>
        string.Concat(ids.Where(id => id >= 2).Select(id => Letters[id - 2]));
}

/// <summary>Says the same to every prompt, whose last letter is a line's end.</summary>
internal sealed class Repeating(string text) : SmallGpt2, ICausalModel
{
    private readonly int[] said = new LetterTokenizer().Encode(text, addBegin: false);

    /// <summary>Tokens of the longest continuation.</summary>
    public int Tokens { get; private set; }

    Decoding ICausalModel.StartDecoding(int batch) => new Saying(this, batch);

    private sealed class Saying(Repeating model, int batch) : Decoding(batch)
    {
        private int[] spoken = new int[batch];

        public override void Dispose()
        {
        }

        protected override Tensor Run(Tensor ids)
        {
            var ends = new LetterTokenizer().Encode("\n", addBegin: false)[0];
            var logits = zeros(Batch, 40);
            for (var row = 0; row < Batch; row++)
            {
                spoken[row] = spoken[row] > 0 ? spoken[row] + 1 : ids[row, -1].item<long>() == ends ? 1 : 0;
                logits[row, spoken[row] > 0 ? model.said[spoken[row] - 1] : 0] = 1;
                model.Tokens = Math.Max(model.Tokens, spoken[row]);
            }

            return logits;
        }

        protected override void KeepRows(Tensor rows) =>
            spoken = [.. rows.data<long>().ToArray().Select(row => spoken[row])];
    }
}

/// <summary>A causal model of a user's own decodes, streams, trains and is scored.</summary>
public sealed class OwnModelTests : IDisposable
{
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Names => ["gpt2", "lora", "fused", "qwen"];

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Gpt2_HasAtMost60Lines_AndIsThePages()
    {
        var source = File.ReadAllText(Path.Combine(SourceFolder(), "Gpt2.cs"));
        Assert.InRange(source.TrimEnd().Split('\n').Length, 1, 60);
        var page = File.ReadAllText(Path.Combine(SourceFolder(), "../../../docs/write-an-architecture.md"));
        Assert.Contains(source[source.IndexOf("[Model]", StringComparison.Ordinal)..], page, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Names))]
    public void Decoding_OfParts_GivesTheLogitsOfTheWhole(string name)
    {
        var model = Create(name);
        var ids = randint(0, 40, [3, 40]);
        using var noGrad = no_grad();
        var whole = Logits(model, ids);
        using var decoding = model.StartDecoding(3);
        foreach (var (first, count) in new[] { (0, 5), (5, 1), (6, 30), (36, 1) })
        {
            Assert.True(decoding.Append(ids.narrow(1, first, count))
                .allclose(whole.select(1, first + count - 1), 1e-4, 1e-5), $"{name} at {first}");
        }

        decoding.Keep([2, 0]);
        Assert.True(decoding.Append(ids.index_select(0, tensor(new[] { 2L, 0 })).narrow(1, 37, 3))
            .allclose(whole.index_select(0, tensor(new[] { 2L, 0 })).select(1, 39), 1e-4, 1e-5));
    }

    [Theory, MemberData(nameof(Names))]
    public void Continue_OfRaggedPrompts_IsWhatTheWholeModelSays(string name)
    {
        var model = Create(name);
        int[][] prompts = [[1, 2, 3], [4], [7, 8, 9, 10, 11, 12]];
        var texts = Models.Generation.Continue(model, prompts, new(20), TestContext.Current.CancellationToken);
        using var noGrad = no_grad();
        foreach (var (prompt, text) in prompts.Zip(texts))
        {
            var said = Logits(model, tensor(text.Select(id => (long)id).ToArray()).unsqueeze(0))[0].argmax(-1);
            Assert.Equal(
                said.data<long>().ToArray()[(prompt.Length - 1)..^1], text[prompt.Length..].Select(id => (long)id));
        }
    }

    [Fact]
    public void Stream_YieldsTokensAsTheyCome_AndEndsWhenNobodyTakesMore()
    {
        var model = Create("gpt2");
        int[][] prompts = [[1, 2, 3], [4]];
        var whole = Models.Generation.Continue(model, prompts, new(20), TestContext.Current.CancellationToken);
        var passes = 0;
        ((nn.Module<Tensor, Tensor>)model.Module).register_forward_hook((_, _, y) =>
        {
            passes++;
            return y;
        });
        var taken = Models.Generation.Stream(model, prompts, new(20), TestContext.Current.CancellationToken)
            .Take(7).ToList();
        Assert.Equal(5, passes); // two for the second prompt alone, then both
        Assert.Equal(whole[1][1..5], taken.Where(token => token.Prompt == 1).Select(token => token.Id));
        Assert.Equal(whole[0][3..6], taken.Where(token => token.Prompt == 0).Select(token => token.Id));
    }

    [Fact]
    public void Gpt2_LearnsToAnswer_AndIsScored()
    {
        manual_seed(4);
        var model = new SmallGpt2();
        var encoder = new InstructionEncoder(new LetterTokenizer(), PromptTemplate.Plain);
        var problems = new[] { "cat", "dog", "owl" }.Zip(["purr", "bark", "hoot"], (animal, sound) =>
            new Instruction(animal, sound)).ToList();
        var solving = new ProblemSolving(model, encoder, (answer, reference) => answer == reference);
        Assert.DoesNotContain(Solve(), solved => solved.IsSolved);
        var batches = new TextBatches(encoder.EncodeAll(problems, context: 64).Fitting, size: 3, seed: 1);
        using var training = new TextTraining(model, batches, new() { Steps = 80, LearningRate = 3e-3 });
        training.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.All(Solve(), solved => Assert.True(solved.IsSolved, solved.Solution));

        IReadOnlyList<SolvedProblem> Solve() =>
            solving.Solve(problems, count: 8, stop: TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(null, "ab")]
    [InlineData("b", "a")]
    [InlineData("", "ab. q: a.")]
    public void Solve_EndsBeforeAStop(string? stop, string solution)
    {
        using var model = new Repeating("ab. q: a.");
        var encoder = new InstructionEncoder(
            new LetterTokenizer(), PromptTemplate.Plain with { Stops = [". q:"] }, addBegin: false);
        string[]? stops = stop is null ? null : stop.Length > 0 ? [stop] : [];
        var solved = new ProblemSolving(model, encoder, (answer, _) => answer == solution, stops).Solve(
            [new("cat", "purr"), new("a", "b")], count: 9, stop: TestContext.Current.CancellationToken);
        Assert.All(solved, problem => Assert.Equal((solution, true), (problem.Solution, problem.IsSolved)));
        Assert.Equal(stop is null ? 6 : stop.Length > 0 ? 2 : 9, model.Tokens);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void NanLogits_AreNoToken(double temperature)
    {
        var model = Create("gpt2");
        using (no_grad()) model.Module.parameters().First().fill_(float.NaN);
        Assert.Contains("logits hold NaN", Assert.Throws<ArithmeticException>(() => Models.Generation.Continue(
            model, [[1, 2]], new(3, Temperature: temperature), TestContext.Current.CancellationToken)).Message);
        var solving = new ProblemSolving(
            model, new InstructionEncoder(new LetterTokenizer(), PromptTemplate.Plain), (_, _) => true);
        Assert.Throws<ArithmeticException>(() =>
            solving.Solve([new("cat", "purr")], 4, stop: TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("qwen", 40)]
    [InlineData("qwen", -1)]
    [InlineData("gpt2", 63)] // its embedding of positions has 64 rows
    public void PromptWithAnIdThatTheModelHasNot_IsRefused(string name, int id) => Assert.Contains(
        $"Prompt 1 (counted from 0) has id {id}, which is not in the model's vocabulary of 40",
        Assert.Throws<ArgumentException>(() => Models.Generation.Continue(
            Create(name), [[1], [2, id]], new(3), TestContext.Current.CancellationToken)).Message);

    [Fact]
    public void ProblemThatLeavesNoRoomForAnAnswer_IsNamed()
    {
        var encoder = new InstructionEncoder(new LetterTokenizer(), PromptTemplate.Plain);
        var solving = new ProblemSolving(Create("gpt2"), encoder, (_, _) => true);
        var problem = new Instruction(new string('a', 62), "b") { Source = "test.jsonl, line 3" };
        Assert.Equal(
            "test.jsonl, line 3: its prompt has 64 tokens, which leave no room for an answer in the model's context of "
            + "64; leave it out, or use a model with a longer one.",
            Assert.Throws<TextDataException>(() => solving.Solve(
                [new("cat", "purr"), problem], 4, stop: TestContext.Current.CancellationToken)).Message);
        Assert.Single(solving.Solve(
            [problem with { Question = new string('a', 61) }], 4, stop: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void AttentionThatKeepsNothing_IsRefused()
    {
        using var model = new FusedGpt2(keeps: false);
        using var decoding = model.StartDecoding(1);
        Assert.Contains("NextCache", Assert.Throws<InvalidOperationException>(() =>
            decoding.Append(zeros([1, 3], dtype: int64))).Message);
        Assert.Null(CachedDecoding.Current);
    }

    [Fact]
    public void Context_IsTheLongestSequence()
    {
        var model = Create("gpt2");
        using var decoding = model.StartDecoding(1);
        decoding.Append(zeros([1, 63], dtype: int64));
        Assert.Contains("longer than the model's context of 64", Assert.Throws<ArgumentException>(() =>
            decoding.Append(zeros([1, 2], dtype: int64))).Message);
        Assert.Equal([1, 40], decoding.Append(zeros([1, 1], dtype: int64)).shape);
    }

    [Fact]
    public void Cache_RefusesMoreThanItsContext()
    {
        using var cache = new KeyValueCache(3);
        cache.Append(zeros(1, 2, 3, 4), zeros(1, 2, 3, 4));
        Assert.Throws<ArgumentException>(() => cache.Append(zeros(1, 2, 1, 4), zeros(1, 2, 1, 4)));
        using var fresh = new KeyValueCache(3);
        Assert.Throws<InvalidOperationException>(() => fresh.Attend(zeros(1, 2, 4)));
    }

    private static Tensor Logits(ICausalModel model, Tensor ids) =>
        ((nn.Module<Tensor, Tensor>)model.Module).call(ids);

    private static ICausalModel Create(string name)
    {
        manual_seed(8);
        ICausalModel model = name switch
        {
            "gpt2" => new SmallGpt2(),
            "lora" => new SmallGpt2Lora(),
            "near" => new SmallNear(),
            _ => new FusedGpt2(keeps: true),
        };
        using var noGrad = no_grad();
        foreach (var parameter in model.Module.parameters())
        {
            parameter.add_(randn_like(parameter), alpha: 0.1);
        }

        model.Module.eval();
        return model;
    }

    private static string SourceFolder([System.Runtime.CompilerServices.CallerFilePath] string path = "") =>
        Path.GetDirectoryName(path)!;
}
