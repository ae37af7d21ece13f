using Marrow.Checkpoints;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

/// <summary>
/// Checkpoints that differ from the model in names and layout: they load, and are written again tensor by tensor, bit
/// for bit.
/// </summary>
public class MappingTests
{
    private static (string, long[])[] Gpt2(string prefix) =>
    [
        ($"{prefix}wte.weight", [11, 8]), ($"{prefix}wpe.weight", [16, 8]),
        .. Enumerable.Range(0, 2).Select(i => $"{prefix}h.{i}.").SelectMany(h => new (string, long[])[]
        {
            ($"{h}ln_1.weight", [8]), ($"{h}ln_1.bias", [8]), ($"{h}ln_2.weight", [8]), ($"{h}ln_2.bias", [8]),
            ($"{h}attn.c_attn.weight", [8, 24]), ($"{h}attn.c_attn.bias", [24]),
            ($"{h}attn.c_proj.weight", [8, 8]), ($"{h}attn.c_proj.bias", [8]),
            ($"{h}mlp.c_fc.weight", [8, 32]), ($"{h}mlp.c_fc.bias", [32]),
            ($"{h}mlp.c_proj.weight", [32, 8]), ($"{h}mlp.c_proj.bias", [8]),
        }),
        ($"{prefix}ln_f.weight", [8]), ($"{prefix}ln_f.bias", [8]), ("lm_head.weight", [11, 8]),
    ];

    private static readonly (string, long[])[] OfGpt2 = Gpt2("transformer.");

    private static readonly (string, long[])[] Ignored =
    [
        ("transformer.h.0.attn.bias", [1, 1, 4, 4]), ("transformer.h.1.attn.masked_bias", []),
    ];

    private static readonly (string, long[])[] OfBert =
    [
        ("bert.embeddings.word_embeddings.weight", [9, 6]),
        ("bert.embeddings.LayerNorm.gamma", [6]), ("bert.embeddings.LayerNorm.beta", [6]),
        .. Enumerable.Range(0, 3).Select(i => $"bert.encoder.layer.{i}.").SelectMany(layer => new (string, long[])[]
        {
            ($"{layer}attention.self.query.weight", [6, 6]), ($"{layer}attention.self.query.bias", [6]),
            ($"{layer}attention.output.LayerNorm.gamma", [6]), ($"{layer}attention.output.LayerNorm.beta", [6]),
            ($"{layer}output.LayerNorm.gamma", [6]), ($"{layer}output.LayerNorm.beta", [6]),
        }),
    ];

    private static readonly (string, long[])[] OfFused =
    [
        .. Enumerable.Range(0, 2).Select(i => $"model.layers.{i}.").SelectMany(layer => new (string, long[])[]
        {
            ($"{layer}self_attn.q_proj.weight", [12, 12]), ($"{layer}self_attn.q_proj.bias", [12]),
            ($"{layer}self_attn.k_proj.weight", [6, 12]), ($"{layer}self_attn.k_proj.bias", [6]),
            ($"{layer}self_attn.v_proj.weight", [6, 12]), ($"{layer}self_attn.v_proj.bias", [6]),
            ($"{layer}mlp.gate_proj.weight", [12, 12]), ($"{layer}mlp.up_proj.weight", [12, 12]),
        }),
    ];

    private static readonly (string, long[])[] OfHandWritten =
    [
        ("bn.gamma", [4]), ("bn.bias", [4]), ("bn.running_mean", [4]), ("bn.running_var", [4]),
        ("bn.num_batches_tracked", []),
    ];

    private static readonly (string, long[])[] OfAttention =
    [
        ("attn.c_attn.weight", [8, 24]), ("attn.c_attn.bias", [24]), ("attention.proj.weight", [8, 8]),
        ("attention.proj.bias", [8]),
    ];

    private static readonly (string, long[])[] OfScored =
        [.. OfGpt2, ("classifier.out.weight", [3, 8]), ("classifier.out.bias", [3])];

    public static TheoryData<string> Models =>
        ["Gpt2", "Lora", "Quantized", "Scored", "Bert", "Fused", "HandWritten", "Attention"];

    [Theory]
    [MemberData(nameof(Models))]
    public void ForeignCheckpoint_LoadedAndSaved_IsTheSameBitForBit(string name)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var (create, shapes, ignored) = Case(name);
        var foreign = Write(folder.File("foreign.safetensors"), [.. shapes, .. ignored]);
        using var model = create();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        model.SavePretrained(folder.File("saved"));
        RequireSame(foreign, folder.File("saved"), shapes.Select(shape => shape.Item1));

        using var other = create();
        other.LoadPretrained(folder.File("saved"));
        foreach (var (parameter, twin) in model.Module.parameters().Zip(other.Module.parameters()))
        {
            Assert.True(parameter.Equals(twin) || parameter.requires_grad && model.AdapterParameters().Count > 0);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void ShardsAndMetaModel_LoadTheSame(string name)
    {
        if (name == "HandWritten")
        {
            return; // its values are made where they are
        }

        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var (create, shapes, ignored) = Case(name);
        var foreign = Make([.. shapes, .. ignored]);
        FolderUpdateTests.Write(folder.Path, foreign.Select(pair => (pair.Key, pair.Value)), 300);
        File.WriteAllText(folder.File("config.json"), "{}");
        using var _ = Construction.On(META);
        using var model = create();
        model.LoadPretrained(folder.Path);
        model.SavePretrained(folder.File("saved"));
        RequireSame(foreign, folder.File("saved"), shapes.Select(shape => shape.Item1));
    }

    [Fact]
    public void SplitAndTransposed_EachLayerHasItsRows()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Write(folder.File("foreign.safetensors"), OfGpt2);
        using var model = new SmallGpt2();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        var weight = foreign["transformer.h.1.attn.c_attn.weight"];
        var bias = foreign["transformer.h.1.attn.c_attn.bias"];
        var block = model.Blocks[1];
        foreach (var (layer, i) in new[] { block.Query, block.Key, block.Value }.Zip(Enumerable.Range(0, 3)))
        {
            Assert.True(layer.Weight.Equals(weight.narrow(1, 8 * i, 8).t()));
            Assert.True(layer.Bias!.Equals(bias.narrow(0, 8 * i, 8)));
        }

        Assert.True(block.Down.Weight.Equals(foreign["transformer.h.1.mlp.c_proj.weight"].t()));
        Assert.True(model.LmHead.Weight.Equals(foreign["lm_head.weight"]));
    }

    [Fact]
    public void FusedInUnequalParts_HasThemBelowEachOther()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Write(folder.File("foreign.safetensors"), OfFused);
        using var model = new FusedModel(4, 2, 3, 2);
        model.LoadPretrained(folder.File("foreign.safetensors"));
        var parts = new[] { "q", "k", "v" }.Select(part => foreign[$"model.layers.0.self_attn.{part}_proj.weight"]);
        Assert.True(model.Blocks[0].Qkv.Weight.Equals(cat([.. parts])));
    }

    [Fact]
    public void Prefix_MayBeAbsentWhenRead_AndIsWritten()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Write(
            folder.File("foreign.safetensors"), [.. Gpt2(""), ("h.0.attn.bias", [4]), ("h.1.attn.masked_bias", [])]);
        using var model = new SmallGpt2();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        model.SavePretrained(folder.File("saved"));
        using var saved = CheckpointReader.Open(folder.File("saved"));
        Assert.Equal(OfGpt2.Select(shape => shape.Item1).Order(), saved.Tensors.Keys.Order());
        Assert.True(saved.ReadTensor("transformer.h.0.mlp.c_fc.weight").Equals(foreign["h.0.mlp.c_fc.weight"]));
    }

    [Fact]
    public void PackedBase_TakesPartsOfTransposedWeights()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Write(folder.File("foreign.safetensors"), OfGpt2);
        using var model = new PackedGpt2();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        model.SavePretrained(folder.File("saved"));
        using var saved = CheckpointReader.Open(folder.File("saved"));
        Assert.Equal(OfGpt2.Select(shape => shape.Item1).Order(), saved.Tensors.Keys.Order());
        foreach (var (name, value) in foreign)
        {
            // Levels end not far above the mean, so only what is small is near.
            var difference = ((saved.ReadTensor(name) - value) * (value.abs() < 0.5)).abs().max().item<float>();
            Assert.True(difference < 0.03f, $"{name} differs by {difference}");
        }
    }

    [Fact]
    public void Adapters_SavedMergedInTheForeignLayout_AndAloneUnderTheModelsNames()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var foreign = Write(folder.File("foreign.safetensors"), OfGpt2);
        using var model = new LoraGpt2();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        foreach (var parameter in model.AdapterParameters())
        {
            parameter.normal_();
        }

        model.SaveAdapter(folder.File("adapter"));
        using var adapter = CheckpointReader.Open(folder.File("adapter/adapter_model.safetensors"));
        Assert.Contains("base_model.model.blocks.0.query.lora_A.weight", adapter.Tensors.Keys);
        model.SavePretrained(folder.File("base"));
        RequireSame(foreign, folder.File("base"), foreign.Keys);

        var ids = tensor(new long[,] { { 1, 2, 3 } });
        model.Merge();
        model.SavePretrained(folder.File("merged"));
        using var plain = new SmallGpt2();
        plain.LoadPretrained(folder.File("merged"));
        Assert.True(model.call(ids).Equals(plain.call(ids)));
        Assert.False(plain.Blocks[0].Query.Weight.Equals(
            foreign["transformer.h.0.attn.c_attn.weight"].narrow(1, 0, 8).t()));
    }

    [Fact]
    public void Pissa_IsSavedWithItsFactorsPutBack()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Write(folder.File("foreign.safetensors"), OfGpt2);
        using var model = new PissaGpt2();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        model.SavePretrained(folder.File("saved"));
        using var saved = CheckpointReader.Open(folder.File("saved"));
        Assert.All(foreign, pair => Assert.True(saved.ReadTensor(pair.Key).allclose(pair.Value, 1e-5, 1e-5), pair.Key));
    }

    [Fact]
    public void Qkr_TakesPartsOfARenamedTransposedQkv_AndReadsWhatItSaved()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Write(folder.File("foreign.safetensors"), OfAttention);
        using var model = new QkrOnly();
        model.LoadPretrained(folder.File("foreign.safetensors"));
        var (weight, bias) = (foreign["attn.c_attn.weight"], foreign["attn.c_attn.bias"]);
        Assert.True(Parameter(model, "attention.k.weight").Equals(weight.narrow(1, 8, 8).t()));
        Assert.True(Parameter(model, "attention.v.bias").Equals(bias.narrow(0, 16, 8)));

        model.SavePretrained(folder.File("saved"));
        using var other = new QkrOnly();
        other.LoadPretrained(folder.File("saved"));
        Assert.True(Parameter(model, "attention.q.weight").Equals(Parameter(other, "attention.q.weight")));
    }

    public static TheoryData<string, long[]?, string> WrongTensors => new()
    {
        { "transformer.h.1.attn.c_attn.weight", [24, 8],
            "'transformer.h.1.attn.c_attn.weight' is [24, 8], but the model's 'blocks.1.query.weight', "
                + "'blocks.1.key.weight', 'blocks.1.value.weight' would be [8, 24]" },
        { "transformer.h.0.mlp.c_fc.weight", [8, 33],
            "'transformer.h.0.mlp.c_fc.weight' is [8, 33], but the model's 'blocks.0.up.weight' would be [8, 32]" },
        { "transformer.h.0.ln_1.bias", [9], "but the model's 'blocks.0.norm1.bias' is [8]" },
        { "transformer.ln_f.bias", [9], "but the model's 'ln_f.bias' is [8]" },
        { "transformer.h.0.attn.c_attn.bias", null,
            "it lacks 'transformer.h.0.attn.c_attn.bias' (the model's 'blocks.0.query.bias', 'blocks.0.key.bias', "
                + "'blocks.0.value.bias'); use" },
        { "lm_head.weight", null, "it lacks 'lm_head.weight'; use" },
        { "transformer.h.7.ln_1.weight", [8], "it has beyond the model's weights 'transformer.h.7.ln_1.weight'" },
        { "blocks.0.norm1.weight", [8], "it has beyond the model's weights 'blocks.0.norm1.weight'" },
    };

    [Theory]
    [MemberData(nameof(WrongTensors))]
    public void WrongTensor_IsNamedWithTheModels_AndNothingChanges(string name, long[]? shape, string words)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var shapes = OfGpt2.ToDictionary();
        shapes.Remove(name);
        if (shape is not null)
        {
            shapes.Add(name, shape);
        }

        Write(folder.File("foreign.safetensors"), [.. shapes.Select(pair => (pair.Key, pair.Value))]);
        using var model = new SmallGpt2();
        var before = model.parameters().Select(parameter => parameter.clone()).ToList();
        var fault = Assert.Throws<CheckpointException>(
            () => model.LoadPretrained(folder.File("foreign.safetensors")));
        Assert.Contains(words, fault.Message);
        Assert.All(model.parameters().Zip(before), pair => Assert.True(pair.First.Equals(pair.Second)));
    }

    [Fact]
    public void NotANumber_IsNamedWithTheForeignName()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        var foreign = Make(OfGpt2);
        foreign["transformer.h.1.attn.c_attn.weight"][3, 9] = float.NaN;
        SafetensorsWriter.Write(
            folder.File("foreign.safetensors"), foreign.Select(pair => (pair.Key, pair.Value)));
        using var model = new SmallGpt2();
        Assert.Contains(
            "weight 'blocks.1.key.weight', read from 'transformer.h.1.attn.c_attn.weight', holds NaN",
            Assert.Throws<CheckpointException>(
                () => model.LoadPretrained(folder.File("foreign.safetensors"))).Message);
    }

    [Fact]
    public void RulesThatDoNotSuitTheSizes_AreNamedBothWays()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        Write(folder.File("foreign.safetensors"), [("qk.weight", [8, 4])]);
        using (var even = new Uneven(4, 4, bias: false))
        {
            even.LoadPretrained(folder.File("foreign.safetensors"));
        }

        using var biased = new Uneven(4, 4, bias: true);
        const string Beside = "[Split] of Uneven: 'key' has nothing beside 'query.bias' for a part of 'qk.bias'";
        Assert.Contains(Beside, Assert.Throws<CheckpointException>(
            () => biased.LoadPretrained(folder.File("foreign.safetensors"))).Message);
        Assert.Contains(Beside, Assert.Throws<CheckpointException>(
            () => biased.SavePretrained(folder.File("saved"))).Message);

        using var uneven = new Uneven(4, 5, bias: false);
        const string Below = "'qk.weight' cannot hold 'query.weight' (Float32 [4, 4]) and 'key.weight' "
            + "(Float32 [4, 5]) below each other";
        Assert.Contains(Below, Assert.Throws<CheckpointException>(
            () => uneven.SavePretrained(folder.File("saved"))).Message);
        Assert.False(Directory.Exists(folder.File("saved")));
    }

    private static (Func<IModel> Create, (string, long[])[] Shapes, (string, long[])[] Ignored) Case(string name) =>
        name switch
        {
            "Gpt2" => (() => new OwnGpt2(11, 8, 2), OfGpt2, Ignored),
            "Lora" => (() => new LoraGpt2(), OfGpt2, Ignored),
            "Quantized" => (() => new QuantizedGpt2(), OfGpt2, Ignored),
            "Scored" => (() => new ScoredGpt2(), OfScored, [.. Ignored, ("lm_extra.weight", [2])]),
            "Bert" => (() => new OwnBert(6, 3), OfBert, [("bert.embeddings.position_ids", [1, 5])]),
            "Fused" => (
                () => new FusedModel(4, 2, 3, 2), OfFused, [("model.layers.1.rotary.inv_freq", [2])]),
            "HandWritten" => (() => new WithHandWritten(), OfHandWritten, [("bn.steps", [])]),
            _ => (() => new PlainAttention(), OfAttention, []),
        };

    private static Tensor Parameter(IModel model, string name) =>
        model.Module.named_parameters().Single(pair => pair.name == name).parameter;

    private static Dictionary<string, Tensor> Make((string Name, long[] Shape)[] shapes) => shapes.ToDictionary(
        shape => shape.Name,
        shape => shape.Name.EndsWith("_tracked", StringComparison.Ordinal) ? tensor(7L) : randn(shape.Shape));

    private static Dictionary<string, Tensor> Write(string path, (string, long[])[] shapes)
    {
        var tensors = Make(shapes);
        SafetensorsWriter.Write(path, tensors.Select(pair => (pair.Key, pair.Value)));
        return tensors;
    }

    /// <summary>Quantizers' own tensors may be there beside; no other library has them.</summary>
    private static void RequireSame(Dictionary<string, Tensor> foreign, string saved, IEnumerable<string> names)
    {
        using var checkpoint = CheckpointReader.Open(saved);
        Assert.Equal(
            names.Order(),
            checkpoint.Tensors.Keys.Where(name => !name.Contains("_fn.") && !name.Contains("move_")).Order());
        Assert.All(names, name => Assert.True(checkpoint.ReadTensor(name).Equals(foreign[name]), name));
    }
}
