using Marrow.Checkpoints;
using Marrow.CompilerServices;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Llama;

/// <summary>
/// The LLaMA architecture with every adapter: fused equals plain, and what can be done with the model.
/// </summary>
public class LlamaTests
{
    public static TheoryData<string> Variants =>
        [nameof(SmallLlamaBoneRow), nameof(SmallLlamaBoneColumn), nameof(SmallLlamaBoneFree),
            nameof(SmallLlamaBoneMini), nameof(SmallLlamaLora), nameof(SmallLlamaLastLayerLora)];

    [Theory]
    [MemberData(nameof(Variants))]
    public void VerifyAgainstEager_OnEveryVariant_FindsNoDifferenceBeyondRounding(string variant)
    {
        using var model = Create(variant, float64);
        Perturb(model);
        var difference = model.VerifyAgainstEager(Ids());
        Assert.True(difference.Output < 1e-12 * difference.LargestOutput, $"output differs by {difference.Output}");
        Assert.Equal(model.AdapterParameters().Count, difference.Gradients.Count);
        Assert.True(difference.LargestGradient < 1e-10, $"gradients differ by {difference.LargestGradient}");
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Parameters_OfAnAdaptedModel_OnlyAdaptersTrain(string variant)
    {
        using var model = Create(variant, float32);
        var adapters = model.AdapterParameters().ToHashSet();
        Assert.NotEmpty(adapters);
        Assert.All(model.parameters(), parameter =>
            Assert.Equal(adapters.Contains(parameter), parameter.requires_grad));
    }

    [Fact]
    public void Parameters_OfAPlainModel_AllTrain()
    {
        using var model = new SmallLlama();
        Assert.Empty(model.AdapterParameters());
        Assert.All(model.parameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void MergeAndUnmerge_GiveTheSameOutput_AndTheBaseBackBitForBit(string variant)
    {
        using var model = Create(variant, float32);
        model.eval();
        Perturb(model);
        var before = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.clone());
        using var noGrad = no_grad();
        var adapted = model.call(Ids());
        model.Merge();
        Assert.True(allclose(adapted, model.call(Ids()), 1e-5, 1e-5));
        model.Unmerge();
        Assert.All(model.named_parameters(), pair =>
            Assert.True(before[pair.name].equal(pair.parameter).all().item<bool>(), pair.name));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DisableAdapters_MergedOrNot_GivesTheBaseModel(bool merged)
    {
        using var model = new SmallLlamaBoneRow();
        using var plain = new SmallLlama();
        Copy(model, plain);
        Perturb(model);
        if (merged)
        {
            model.Merge();
        }

        using var noGrad = no_grad();
        using (model.DisableAdapters())
        {
            Assert.True(model.call(Ids()).equal(plain.call(Ids())).all().item<bool>());
        }

        Assert.False(allclose(model.call(Ids()), plain.call(Ids()), 1e-3, 1e-3));
    }

    [Fact]
    public void Merge_ThatWouldNotBeFinite_NamesTheLayerAndChangesNothing()
    {
        using var model = new SmallLlamaLora();
        var last = model.AdapterParameters()[^1];
        using (no_grad())
        {
            last.fill_(float.PositiveInfinity);
        }

        var fault = Assert.Throws<InvalidOperationException>(model.Merge);
        Assert.Contains("model.layers.1.mlp.down_proj", fault.Message);
        Assert.Equal(0, model.named_modules().Count(child => child.module is AdaptedLinear { IsMerged: true }));
    }

    [Theory]
    [InlineData(ScalarType.Float32, 1e-4)]
    [InlineData(ScalarType.BFloat16, 0.15)]
    public void Model_InNarrowTypes_FollowsTheFloat64Model(ScalarType dtype, double tolerance)
    {
        using var exact = Create(nameof(SmallLlamaBoneRow), float64);
        using var narrow = Create(nameof(SmallLlamaBoneRow), dtype);
        Perturb(exact);
        Copy(exact, narrow);
        using var noGrad = no_grad();
        var difference = (exact.call(Ids()) - narrow.call(Ids()).to(float64)).abs().max().item<double>();
        Assert.True(difference < tolerance, $"differs by {difference}");
    }

    [Fact]
    public void Training_EveryType_LowersTheLoss()
    {
        foreach (var dtype in new[] { float64, float32, bfloat16 })
        {
            using var model = Create(nameof(SmallLlamaBoneFree), dtype);
            var optimizer = optim.Adam(model.AdapterParameters(), 1e-2);
            double first = 0, last = 0;
            for (var step = 0; step < 30; step++)
            {
                using var scope = NewDisposeScope();
                var loss = nn.functional.cross_entropy(model.call(Ids()).flatten(0, 1).to(float32), Ids().flatten());
                optimizer.zero_grad();
                loss.backward();
                optimizer.step();
                (first, last) = (step == 0 ? loss.item<float>() : first, loss.item<float>());
            }

            Assert.True(last < 0.7 * first, $"{dtype}: {first} to {last}");
        }
    }

    [Fact]
    public void To_Double_MovesParametersTablesAndKeepsTheOutput()
    {
        using var model = new SmallLlamaBoneRow();
        Perturb(model);
        using var noGrad = no_grad();
        var before = model.call(Ids());
        model.to(float64);
        Assert.All(model.parameters(), parameter => Assert.Equal(float64, parameter.dtype));
        Assert.True(allclose(before.to(float64), model.call(Ids()), 1e-4, 1e-5));
    }

    [Fact]
    public void To_FromMeta_SaysThatThereAreNoValues()
    {
        using var scope = Construction.On(META);
        using var model = new SmallLlamaBoneRow();
        Assert.Contains("LoadPretrained", Assert.Throws<InvalidOperationException>(() => model.to(CPU)).Message);
    }

    [Fact]
    public void SavePretrained_ThenLoadIntoAMetaModel_GivesTheSameOutput()
    {
        using var folder = new TemporaryFolder();
        using var model = new SmallLlamaLora();
        model.eval();
        model.SavePretrained(Path.Combine(folder.Path, "base"));
        SmallLlamaLora loaded;
        using (Construction.On(META))
        {
            loaded = new SmallLlamaLora();
        }

        loaded.LoadPretrained(Path.Combine(folder.Path, "base"));
        loaded.eval();
        using var noGrad = no_grad();
        Assert.True(model.call(Ids()).equal(loaded.call(Ids())).all().item<bool>());
        Assert.All(loaded.AdapterParameters(), parameter => Assert.True(parameter.requires_grad));
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void SaveAdapter_ThenLoadAdapter_GivesTheSameOutput(string variant)
    {
        using var folder = new TemporaryFolder();
        using var model = Create(variant, float32);
        using var other = Create(variant, float32);
        model.eval();
        other.eval();
        Perturb(model);
        Copy(model, other);
        Perturb(other, seed: 7);
        model.SaveAdapter(Path.Combine(folder.Path, "adapter"));
        other.LoadAdapter(Path.Combine(folder.Path, "adapter"));
        using var noGrad = no_grad();
        Assert.True(model.call(Ids()).equal(other.call(Ids())).all().item<bool>());
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("miss")]
    [InlineData("bone_bat")]
    public void SaveAdapter_AfterLoadAdapter_WritesTheSameTensorsByteForByte(string adapter)
    {
        using var folder = new TemporaryFolder();
        var source = SharedData.Require($"data/adapters/{adapter}");
        var sizes = Models.DecoderSizes.Read(SharedData.Require("data/weights/babyllama105-hf"));
        using var model = new Models.Decoder(sizes);
        model.LoadAdapter(source);
        model.SaveAdapter(folder.Path);
        using var before = SafetensorsFile.Open(Path.Combine(source, "adapter_model.safetensors"));
        using var after = SafetensorsFile.Open(folder.File("adapter_model.safetensors"));
        string Name(string name) =>
            name.Replace("bone_block", "miss_block", StringComparison.Ordinal); // PEFT's present name of the old type
        Assert.Equal(before.Tensors.Keys.Select(Name).Order(StringComparer.Ordinal),
            after.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(before.Tensors.Keys, name =>
            Assert.Equal(before.ReadTensor(name).bytes.ToArray(), after.ReadTensor(Name(name)).bytes.ToArray()));
    }

    [Fact]
    public void Save_WhereNoFolderCanBe_SaysThePathAndWhatToDo()
    {
        using var folder = new TemporaryFolder();
        using var model = new SmallLlamaLora();
        var file = Path.Combine(folder.Path, "file");
        File.WriteAllText(file, "not a folder");
        foreach (Action<string> save in new Action<string>[] { model.SavePretrained, model.SaveAdapter })
        {
            var fault = Assert.Throws<CheckpointException>(() => save(Path.Combine(file, "inside")));
            Assert.Contains("cannot be written", fault.Message);
            Assert.Contains("choose another folder", fault.Message);
        }
    }

    [Fact]
    public void LoadAdapter_OfAnotherKind_SaysWhichFieldDiffers()
    {
        using var folder = new TemporaryFolder();
        using var lora = new SmallLlamaLora();
        using var bone = new SmallLlamaBoneFree();
        lora.SaveAdapter(Path.Combine(folder.Path, "adapter"));
        var fault = Assert.Throws<CheckpointException>(() => bone.LoadAdapter(Path.Combine(folder.Path, "adapter")));
        Assert.Contains("peft_type is \"LORA\", but the model's is \"MISS\"", fault.Message);
    }

    [Fact]
    public void LoadPretrained_OfOtherSizes_NamesEveryField()
    {
        using var model = new SmallLlama();
        var fault = Assert.Throws<CheckpointException>(() =>
            model.LoadPretrained(SharedData.Require("data/weights/babyllama105-hf")));
        Assert.Contains("hidden_size is 128, but the model's is 48", fault.Message);
        Assert.Contains("num_hidden_layers is 5, but the model's is 2", fault.Message);
        Assert.Contains("tie_word_embeddings is true, but the model's is false", fault.Message);
    }

    [Fact]
    public void Forward_OfTooLongASequence_SaysTheContext()
    {
        using var model = new SmallLlama();
        Assert.Contains("33 tokens is longer than the model's context of 32",
            Assert.Throws<ArgumentException>(() => model.call(zeros(1, 33, dtype: int64))).Message);
    }

    [Fact]
    public void Construction_WithABlockSizeThatDoesNotDivide_ThrowsTheCompilersWords() => Assert.Contains(
        "[Bone] BlockSize 7 does not divide the 48 input features of layer 'layer'; "
        + "nearest sizes that divide both: 6 and 8.",
        Assert.Throws<ArgumentException>(() => new Parity.BoneRowCase(48, 96, bias: false, r: 7)).Message);

    [Fact]
    public void Construction_WithASizeThatIsNotPositive_ThrowsTheCompilersWords() => Assert.Contains(
        "Input features of layer 'layer' is 0; it must be positive.",
        Assert.Throws<ArgumentException>(() => new Parity.OneLinear(0, 8, bias: true)).Message);

    private static Tensor Ids() => arange(22, dtype: int64).view(2, 11) * 7 % 61;

    private static SmallLlama Create(string variant, ScalarType dtype)
    {
        using var on = Construction.On(dtype: dtype);
        manual_seed(1);
        return (SmallLlama)Activator.CreateInstance(
            typeof(LlamaTests).Assembly.GetType($"{typeof(SmallLlama).Namespace}.{variant}")!)!;
    }

    /// <summary>Adapters start as no change; this makes them one.</summary>
    private static void Perturb(IModel model, long seed = 3)
    {
        using var noGrad = no_grad();
        using var generator = new Generator((ulong)seed);
        foreach (var parameter in model.AdapterParameters())
        {
            parameter.copy_(randn(parameter.shape, generator: generator) * 0.1);
        }
    }

    private static void Copy(nn.Module from, nn.Module to)
    {
        using var noGrad = no_grad();
        var values = from.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        foreach (var (name, parameter) in to.named_parameters())
        {
            parameter.copy_(values[name]);
        }
    }
}
