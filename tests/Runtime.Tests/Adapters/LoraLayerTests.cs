using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Marrow.Tests.Autograd;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>Ids to colors, and those through convolutions.</summary>
[Model]
public partial class Painter(int ids, int channels)
{
    [Embedding(nameof(ids), "channels * 16", PaddingIndex = 0)] public partial Embedding Color { get; }

    [Conv2d(nameof(channels), 6, 3, Stride = 2, Padding = 1)] public partial Conv2d Conv { get; }

    [Conv2d(6, 4, 1, Bias = false)] public partial Conv2d Last { get; }

    [Linear(16, 3)] public partial Linear Out { get; }

    [Forward]
    private Tensor Network(Tensor x) => Out.call(Last.call(Conv.call(Color.call(x).view(-1, channels, 4, 4)).tanh())
        .flatten(1));
}

[Lora(Rank = 2, Alpha = 3, Targets = "color|conv|out")]
public partial class PainterLora() : Painter(9, 2);

[Lora(Rank = 2, Targets = "*")]
public partial class PainterLinear() : Painter(9, 2);

[Lora(Rank = 2, Targets = "*o*", Exclude = "color", Dropout = 0.5)]
public partial class PainterDropout() : Painter(9, 2);

[Model]
public partial class PainterOwn(int r)
{
    [Lora(Rank = nameof(r), Alpha = 4), Embedding(9, 32)] public partial Embedding Color { get; }

    [Lora(Rank = 2, RankStabilized = true), Conv2d(2, 5, 3, Count = 2)] public partial ModuleList<Conv2d> Convs { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        var image = Color.call(x).view(-1, 2, 4, 4);
        return Convs[0].call(image) + Convs[1].call(image);
    }
}

/// <summary>LoRA on convolutions and embeddings, in PEFT's layout.</summary>
public sealed class LoraLayerTests : IDisposable
{
    private readonly string folder = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString());

    public void Dispose()
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Targets_AdaptWhatTheyName_AndWildcardsLinearLayersOnly()
    {
        using var named = new PainterLora();
        using var wild = new PainterLinear();
        using var some = new PainterDropout();
        using var own = new PainterOwn(3);
        Assert.Equal(["color", "conv", "out"], Adapted(named));
        Assert.Equal(["out"], Adapted(wild));
        Assert.Equal(["conv", "out"], Adapted(some));
        Assert.Equal(["color", "convs.0", "convs.1"], Adapted(own));
    }

    [Fact]
    public void Parameters_HavePeftsShapes_AndThePlanCountsThem()
    {
        using var model = new PainterLora();
        Assert.Equal(
            [
                ("color.lora_embedding_A", [2, 9]), ("color.lora_embedding_B", [32, 2]),
                ("conv.lora_A", [2, 2, 3, 3]), ("conv.lora_B", [6, 2, 1, 1]),
                ("out.lora_A", [2, 16]), ("out.lora_B", [3, 2]),
            ],
            Trainable(model).Select(pair => (pair.Name, pair.Value.shape)));
        Assert.Equal(
            Trainable(model).Sum(pair => pair.Value.numel()), PainterLora.Plan.TrainableParameters);
    }

    [Fact]
    public void Output_IsTheBasesAtFirst_AndPeftsFormulaLater()
    {
        using var scope = NewDisposeScope();
        using var model = Make<PainterLora>(ScalarType.Float64);
        var x = randint(0, 9, [3], dtype: ScalarType.Int64);
        Tensor plain;
        using (model.DisableAdapters())
        {
            plain = model.call(x);
        }

        Assert.True(model.call(x).allclose(plain, 1e-12, 1e-12));
        Disturb(model);

        // The definitions of PEFT's lora.Embedding and lora.Conv2d.
        var p = model.named_parameters().ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter);
        var (s, e) = (1.5, p["color.weight"][x]);
        e += s * p["color.lora_embedding_A"].t()[x].matmul(p["color.lora_embedding_B"].t());
        var image = e.view(-1, 2, 4, 4);
        var down = nn.functional.conv2d(image, p["conv.lora_A"], strides: [2, 2], padding: [1, 1]);
        var h = nn.functional.conv2d(image, p["conv.weight"], p["conv.bias"], strides: [2, 2], padding: [1, 1])
            + (s * nn.functional.conv2d(down, p["conv.lora_B"]));
        var last = nn.functional.conv2d(h.tanh(), p["last.weight"]).flatten(1);
        var weight = p["out.weight"] + (s * p["out.lora_B"].mm(p["out.lora_A"]));
        var expected = nn.functional.linear(last, weight, p["out.bias"]);
        Assert.True(model.call(x).allclose(expected, 1e-10, 1e-12));
        using (model.DisableAdapters())
        {
            Assert.True(model.call(x).allclose(plain, 1e-12, 1e-12));
        }
    }

    [Fact]
    public void Gradients_AgreeWithDifferences_AndThePaddingHasNone()
    {
        using var scope = NewDisposeScope();
        using var model = Make<PainterLora>(ScalarType.Float64);
        Disturb(model);
        var x = tensor(new long[] { 1, 0, 8, 1 });
        GradCheck.Run(
            () => model.call(tensor(new long[] { 1, 7, 8, 1 })),
            [.. Trainable(model).Select(pair => (pair.Name, (Tensor)pair.Value))]);
        model.zero_grad();
        model.call(x).sum().backward();
        var gradient = Trainable(model).First(pair => pair.Name == "color.lora_embedding_A").Value.grad!;
        Assert.Equal(0, gradient.select(1, 0).abs().sum().item<double>());
        Assert.NotEqual(0, gradient.select(1, 8).abs().sum().item<double>());
    }

    [Fact]
    public void Merge_KeepsTheOutput_AndUnmergeGivesTheBaseBack()
    {
        using var scope = NewDisposeScope();
        using var model = Make<PainterLora>(ScalarType.Float64);
        Disturb(model);
        var x = randint(0, 9, [3], dtype: ScalarType.Int64);
        var (adapted, weight) = (model.call(x), model.Conv.Weight.clone());
        model.Merge();
        Assert.True(model.call(x).allclose(adapted, 1e-10, 1e-12));
        model.SavePretrained(Path.Combine(folder, "merged"));
        using var plain = new Painter(9, 2);
        plain.LoadPretrained(Path.Combine(folder, "merged"));
        Assert.True(plain.call(x).to(float64).allclose(adapted, 1e-4, 1e-5));
        model.Unmerge();
        Assert.True(model.Conv.Weight.equal(weight).all().item<bool>());
        Assert.True(model.call(x).allclose(adapted, 1e-12, 1e-12));
    }

    [Fact]
    public void SavedAdapter_HasPeftsNamesAndShapes_AndIsLoaded()
    {
        using var scope = NewDisposeScope();
        using var model = new PainterLora();
        Disturb(model);
        using var other = new PainterLora();
        using (no_grad())
        {
            foreach (var (name, value) in other.named_parameters().Where(pair => !pair.parameter.requires_grad))
            {
                value.copy_(model.get_parameter(name)!);
            }
        }

        model.SaveAdapter(folder);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")))!;
        Assert.Equal(["color", "conv", "out"], config["target_modules"]!.AsArray().Select(name => (string)name!));
        using (var file = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors")))
        {
            Assert.Equal([2, 9], file.Tensors["base_model.model.color.lora_embedding_A"].Shape);
            Assert.Equal([6, 2, 1, 1], file.Tensors["base_model.model.conv.lora_B.weight"].Shape);
        }

        other.LoadAdapter(folder);
        var x = randint(0, 9, [3], dtype: ScalarType.Int64);
        Assert.True(other.call(x).equal(model.call(x)).all().item<bool>());
    }

    [Fact]
    public void NamedAdapters_AndTheirSums_Work()
    {
        using var scope = NewDisposeScope();
        using var model = Make<PainterLora>(ScalarType.Float64);
        Disturb(model);
        var x = randint(0, 9, [3], dtype: ScalarType.Int64);
        var first = model.call(x);
        model.AddAdapter("second");
        model.CombineAdapters("same", ("default", 1));
        model.UseAdapter("second");
        Assert.False(model.call(x).allclose(first));
        model.UseAdapter("same");
        Assert.True(model.call(x).allclose(first, 1e-8, 1e-10));
    }

    [Fact]
    public void Copies_AndOptionsFromTheConstructor_AreAdapted_InAnyTypeAndPlace()
    {
        using var scope = NewDisposeScope();
        using var model = new PainterOwn(3);
        Disturb(model);
        Assert.Equal([3, 9], model.get_parameter("color.lora_embedding_A")!.shape);
        var x = randint(0, 9, [3], dtype: ScalarType.Int64);
        var y = model.call(x);
        model.to(ScalarType.BFloat16);
        Assert.Equal(ScalarType.BFloat16, model.call(x).dtype);
        Assert.True(model.call(x).to(float32).allclose(y, 0.1, 0.3));

        using var construction = Construction.On(META);
        using var meta = new PainterOwn(3);
        Assert.Equal(TorchSharp.DeviceType.META, meta.get_parameter("convs.1.lora_B")!.device_type);
    }

    [Fact]
    public void SharedEmbedding_CannotBeAdapted() => Assert.Contains(
        "shares the weight of 'embed', which is adapted",
        Assert.ThrowsAny<Exception>(() => new TiedOwn(tied: true)).Message);

    private static IEnumerable<string> Adapted(IModel model) => Trainable(model)
        .Select(pair => pair.Name[..pair.Name.LastIndexOf('.')])
        .Distinct();

    private static IReadOnlyList<(string Name, TorchSharp.Modules.Parameter Value)> Trainable(IModel model) =>
        [.. model.Module.named_parameters().Where(pair => pair.parameter.requires_grad)];

    private static TModel Make<TModel>(ScalarType type)
        where TModel : new()
    {
        using var construction = Construction.On(CPU, type);
        return new();
    }

    private static void Disturb(IModel model)
    {
        using var noGrad = no_grad();
        foreach (var (_, value) in Trainable(model))
        {
            value.normal_(0, 0.5);
        }
    }
}

[Model]
public partial class TiedOwn(bool tied)
{
    [Lora(Rank = 2), Embedding(9, 4)] public partial Embedding Embed { get; }

    [Linear(4, 9, Bias = false, Tie = nameof(Embed), TieWhen = nameof(tied))] public partial Linear Head { get; }

    [Forward]
    private Tensor Network(Tensor x) => Head.call(Embed.call(x));
}
