using Marrow.Examples.FineTune;
using Marrow.Examples.FineTune.Data;
using Marrow.Language;
using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.FineTune;

/// <summary>The compiled classes of the example against the same methods at run time.</summary>
public sealed class VariantTests
{
    public static MatrixTheoryData<string, string> Cases => new(
        ["llama", "gpt2", "rwkv6"], FineTuningMethod.All.Select(method => method.Name));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Compiled_IsWhatAddAdapterMakes_BitForBit(string architecture, string name)
    {
        using var folder = new TemporaryFolder();
        using (var model = Small(architecture))
        {
            model.SavePretrained(folder.Path);
        }

        CharacterTokenizer.Write(folder.Path);
        var (method, size) = (FineTuningMethod.Named(name), new AdapterSize(Block: 4, Rank: 2));
        using var from = BaseModel.Open(folder.Path);
        using var compiled = Variants.Create(from, method, size, seed: 3, CPU, float32);
        using var added = from.Create(method.Create?.Invoke(size), seed: 3);
        Assert.Equal(FineTuning.Trainable(compiled), FineTuning.Trainable(added));
        Assert.Equal(FineTuning.Trainable(compiled), from.Trainable(method.Create?.Invoke(size)));
        TokenizedText[] texts = [.. Enumerable.Range(0, 8).Select(i =>
            new TokenizedText([1, 2 + i, 3 + i, 4, 5], [false, false, true, true, true]))];
        foreach (var model in new[] { compiled, added })
        {
            manual_seed(9); // of GPT-2's dropout
            using var run = new FineTuning(model, new(texts, texts[..2]), new()
            {
                Training = new() { Steps = 3, LearningRate = 1e-2 },
                BatchSize = 2,
                StartBatches = 1,
            });
            run.Run(stop: TestContext.Current.CancellationToken);
        }

        Assert.All(
            compiled.Module.named_parameters().Zip(added.Module.named_parameters()),
            pair =>
            {
                Assert.Equal(pair.First.name, pair.Second.name);
                Assert.True(pair.First.parameter.equal(pair.Second.parameter).all().item<bool>(), pair.First.name);
            });
    }

    private static int Vocabulary => CharacterTokenizer.VocabularySize;

    private static ICausalModel Small(string architecture) => architecture switch
    {
        "llama" => new Models.Llama(Vocabulary, 16, 24, 2, 4, 2, context: 64),
        "gpt2" => new Gpt2(new(Vocabulary, 16, 2, 4, Context: 64)),
        _ => new Models.Rwkv6(Vocabulary, 16, 32, 2, 8, 4, 4),
    };
}
