using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Marrow.CompilerServices;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>A classifier with every kind of part that can be trained beside adapters.</summary>
[Model]
public partial class Classifier(int width, int classes = 3)
{
    [Linear(nameof(width), nameof(width))] public partial Linear First { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [Linear(nameof(width), nameof(width))] public partial Linear Dense { get; }

    [Parameter(nameof(width))] public partial Tensor Offset { get; }

    [Head, Linear(nameof(width), nameof(classes))] public partial Linear Score { get; }

    [Forward]
    private Tensor Network(Tensor x) => Score.call(Dense.call(Norm.call(First.call(x))) + Offset);
}

[Model]
public partial class MarkedClassifier(int width)
{
    [Linear(nameof(width), nameof(width))] public partial Linear First { get; }

    [Train, Block(nameof(width))] public partial Classifier Rest { get; }

    [Forward]
    private Tensor Network(Tensor x) => Rest.call(First.call(x));
}

[Lora(Rank = 2, Exclude = "dense")]
public partial class ExcludingClassifier() : Classifier(8);

[Lora(Rank = 2, Targets = "*", Train = "score|norm")]
public partial class TrainingClassifier() : Classifier(8);

/// <summary>What a class trains beside a linear layer, in every place that a parameter can have.</summary>
[Model]
public partial class ManyPlaces(int width)
{
    [Linear(nameof(width), nameof(width))] public partial Linear First { get; }

    [LayerNorm(nameof(width))] public partial LayerNorm Norm { get; }

    [Parameter(nameof(width))] public partial Tensor Token { get; }

    [Block(Count = 2)] public partial ModuleList<PlainMixer> Mixers { get; }

    [LayerNorm(nameof(width), Count = 2)] public partial ModuleList<LayerNorm> Norms { get; }

    [Block(nameof(width))] public partial Classifier Inner { get; }

    [Forward]
    private Tensor Network(Tensor x) =>
        Inner.call(Norms[1].call(Norms[0].call(Mixers[1].call(Mixers[0].call(Norm.call(First.call(x)) + Token)))));
}

/// <summary>A hand-written module.</summary>
public sealed class PlainMixer : nn.Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear mix = nn.Linear(8, 8);

    public PlainMixer()
        : base(nameof(PlainMixer)) => RegisterComponents();

    public override Tensor forward(Tensor x) => mix.call(x);
}

[Lora(Rank = 2, Targets = "first", Train = "token|mixers.1|norms.*|inner.offset")]
public partial class TrainsManyPlaces() : ManyPlaces(8);

[Lora(Rank = 2, Targets = "first", Train = "norm")]
public partial class TrainsAnEnding() : ManyPlaces(8);

[Lora(Rank = 2)]
public partial class MarkedClassifierLora() : MarkedClassifier(8);

[Lora(Rank = 2, Targets = "first"), Lora(Rank = 3, Alpha = 2, Targets = "dense")]
public partial class TwoRanks() : Classifier(8);

/// <summary>Several adapters of one method on a class.</summary>
public class SeveralRanksTests
{
    [Fact]
    public void TwoAttributes_AdaptTheirOwnTargets_AndSaveAsRankPattern()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new TwoRanks();
        using var other = new TwoRanks();
        Assert.Equal(
            [2L, 3],
            new[] { model.First, model.Dense }.Select(layer =>
                ((LoraSettings)((AdaptedLinear)layer).Settings).Rank));
        Assert.Equal(
            model.AdapterParameters().Sum(parameter => parameter.numel()), TwoRanks.Plan.TrainableParameters);
        model.SavePretrained(folder.File("base"));
        other.LoadPretrained(folder.File("base"));
        using (no_grad())
        {
            foreach (var parameter in model.AdapterParameters())
            {
                parameter.normal_();
            }
        }

        model.SaveAdapter(folder.File("adapter"));
        var config = JsonNode.Parse(File.ReadAllText(folder.File("adapter/adapter_config.json")))!;
        Assert.Equal((2, "{\"dense\":3}"), ((int)config["r"]!, config["rank_pattern"]!.ToJsonString()));
        other.LoadAdapter(folder.File("adapter"));
        var x = randn(4, 8);
        Assert.True(model.call(x).Equals(other.call(x)));
    }
}

/// <summary>Layers that are trained whole beside adapters, and heads.</summary>
public class TrainedLayerTests
{
    [Fact]
    public void Heads_AreLeftOut_AndSoIsWhatExcludeMatches()
    {
        using var model = new ExcludingClassifier();
        Assert.IsType<AdaptedLinear>(model.First, exactMatch: false);
        Assert.IsNotType<AdaptedLinear>(model.Dense, exactMatch: false);
        Assert.IsNotType<AdaptedLinear>(model.Score, exactMatch: false);
        Assert.Equal(model.AdapterParameters().Count, model.parameters().Count(parameter => parameter.requires_grad));
    }

    [Fact]
    public void Train_UnfreezesLayersWhole_AndNothingElse()
    {
        using var model = new TrainingClassifier();
        Assert.Equal(
            [
                "dense.lora_A", "dense.lora_B", "first.lora_A", "first.lora_B", "norm.bias", "norm.weight",
                "score.bias", "score.weight",
            ],
            model.named_parameters().Where(pair => pair.parameter.requires_grad).Select(pair => pair.name).Order());
        Assert.Equal(
            model.parameters().Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel()),
            TrainingClassifier.Plan.TrainableParameters);
        Assert.Contains("trained whole", TrainingClassifier.Plan.ToString());
    }

    [Fact]
    public void Train_ReachesTensorsOfAClass_AndCopiesOfHandWrittenModules()
    {
        using var model = new TrainsManyPlaces();
        Assert.Equal(
            [
                "inner.offset", "mixers.1.mix.bias", "mixers.1.mix.weight", "norms.0.bias", "norms.0.weight",
                "norms.1.bias", "norms.1.weight", "token",
            ],
            model.named_parameters()
                .Where(pair => pair.parameter.requires_grad && !pair.name.Contains("lora"))
                .Select(pair => pair.name)
                .Order());
        var refusal = Assert.Throws<InvalidOperationException>(() => model.SaveAdapter("none"));
        Assert.Contains("'token'", refusal.Message);
    }

    [Fact]
    public void Train_OfALayerWhoseNameEndsOthers_IsLoadedAgain()
    {
        using var folder = new TemporaryFolder();
        using var model = new TrainsAnEnding();
        using var other = new TrainsAnEnding();
        using (no_grad())
        {
            model.Norm.Weight.normal_();
        }

        model.SaveAdapter(folder.File("adapter"));
        other.LoadAdapter(folder.File("adapter"));
        Assert.True(model.Norm.Weight.Equals(other.Norm.Weight));
    }

    [Fact]
    public void Train_OnABlock_MeansAllOfIt()
    {
        using var model = new MarkedClassifierLora();
        Assert.All(model.named_parameters(), pair => Assert.Equal(
            pair.name.StartsWith("rest.") || pair.name.Contains("lora"), pair.parameter.requires_grad));
        Assert.IsNotType<AdaptedLinear>(model.Rest.First, exactMatch: false);
        using var folder = new TemporaryFolder();
        model.SaveAdapter(folder.File("adapter"));
        Assert.Equal(["rest"], Config(folder)["modules_to_save"]!.AsArray().Select(name => (string)name!));
    }

    [Fact]
    public void SaveAdapter_HoldsThemAsModulesToSave_AndLoadAdapterReadsThem()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new TrainingClassifier();
        using var other = new TrainingClassifier();
        model.SavePretrained(folder.File("base"));
        other.LoadPretrained(folder.File("base"));
        Step(model);
        model.SaveAdapter(folder.File("adapter"));
        using (var file = SafetensorsFile.Open(folder.File("adapter/adapter_model.safetensors")))
        {
            Assert.Contains("base_model.model.score.weight", file.Tensors.Keys);
            Assert.Contains("base_model.model.norm.bias", file.Tensors.Keys);
            Assert.Contains("base_model.model.first.lora_A.weight", file.Tensors.Keys);
            Assert.Equal(8, file.Tensors.Count);
        }

        Assert.Equal(["norm", "score"], Config(folder)["modules_to_save"]!.AsArray().Select(name => (string)name!));
        other.LoadAdapter(folder.File("adapter"));
        var x = randn(4, 8);
        Assert.True(model.call(x).Equals(other.call(x)));
    }

    [Fact]
    public void AdapterConfig_NamesTheBaseAndNoTaskThatTheModelDoesNotHave()
    {
        using var folder = new TemporaryFolder();
        using var model = new TrainingClassifier();
        model.SavePretrained(folder.File("base"));
        model.LoadPretrained(folder.File("base"));
        model.SaveAdapter(folder.File("adapter"));
        Assert.Equal(folder.File("base"), (string?)Config(folder)["base_model_name_or_path"]);
        Assert.Null(Config(folder)["task_type"]);
    }

    [Fact]
    public void LayersUnfrozenByHand_AreSavedToo_OrRefusedByName()
    {
        using var folder = new TemporaryFolder();
        using var model = new ExcludingClassifier();
        model.Score.Weight.requires_grad = true;
        model.SaveAdapter(folder.File("adapter"));
        Assert.Equal(["score"], Config(folder)["modules_to_save"]!.AsArray().Select(name => (string)name!));

        model.Offset.requires_grad = true;
        var error = Assert.Throws<InvalidOperationException>(() => model.SaveAdapter(folder.File("other")));
        Assert.Contains("'offset'", error.Message);
        Assert.False(Directory.Exists(folder.File("other")));
        Assert.Throws<InvalidOperationException>(() => model.AddAdapter("second"));
    }

    [Fact]
    public void LoadAdapter_OfAHeadThatTheModelDoesNotTrain_SaysHowToDeclareIt()
    {
        using var folder = new TemporaryFolder();
        using var model = new ExcludingClassifier();
        model.Score.Weight.requires_grad = true;
        model.SaveAdapter(folder.File("adapter"));
        using var other = new ExcludingClassifier();
        var before = other.Score.Weight.clone();
        var error = Assert.Throws<CheckpointException>(() => other.LoadAdapter(folder.File("adapter")));
        Assert.Contains("'score'", error.Message);
        Assert.Contains("[Train]", error.Message);
        Assert.True(before.Equals(other.Score.Weight));
    }

    [Fact]
    public void Merge_KeepsTrainedLayers()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new TrainingClassifier();
        Step(model);
        var x = randn(4, 8);
        var expected = model.call(x);
        model.Merge();
        model.SavePretrained(folder.File("merged"));
        using var plain = new Classifier(8);
        plain.LoadPretrained(folder.File("merged"));
        Assert.Equal(0, (plain.call(x) - expected).abs().max().item<float>(), 1e-5);
    }

    private static JsonNode Config(TemporaryFolder folder) =>
        JsonNode.Parse(File.ReadAllText(folder.File("adapter/adapter_config.json")))!;

    private static void Step(TrainingClassifier model)
    {
        using var scope = NewDisposeScope();
        using var optimizer = new FusedAdamW(TrainedParameter.Of(model));
        for (var i = 0; i < 3; i++)
        {
            model.call(randn(4, 8)).square().sum().backward();
            optimizer.Step(0.1);
        }
    }
}
