using Marrow.Adapters.LowRank;
using Marrow.CompilerServices;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

public sealed class InitializationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Started => ["pissa", "pissa, fast, rank stabilized", "olora", "dora, pissa"];

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory, MemberData(nameof(Started))]
    public void LoadedBase_IsWhatTheStartedModelComputes(string form)
    {
        var plain = new OneLinear(
            (int)Forms.All[form]().Layer.InFeatures, (int)Forms.All[form]().Layer.OutFeatures, true);
        plain.SavePretrained(folder.Path);
        using var shapes = Construction.On(META);
        var model = Forms.All[form]();
        model.LoadPretrained(folder.Path);
        var x = randn(5, plain.Layer.InFeatures);
        Assert.False(((AdaptedLinear)model.Layer).Weight.allclose(plain.Layer.Weight, 1e-3, 1e-3));
        Assert.True(model.call(x).allclose(plain.call(x), 1e-5, 1e-5));
        using (model.DisableAdapters()) Assert.True(model.call(x).allclose(plain.call(x), 1e-5, 1e-5));
    }

    [Theory, MemberData(nameof(Started))]
    public void SavedAsLora_ActsOnTheOriginalBaseAsTheStartedAdapterDid(string form)
    {
        var model = Forms.All[form]();
        var layer = (AdaptedLinear)model.Layer;
        using (no_grad()) foreach (var (_, value) in layer.Adapter) value.mul_(1.1).add_(0.01);
        model.SavePretrained(Path.Combine(folder.Path, "base"));
        model.SaveAdapterAsLora(Path.Combine(folder.Path, "adapter"));

        var settings = (LoraSettings)layer.Settings;
        OneLinear again = settings is DoraSettings
            ? new Dora((int)layer.InFeatures, (int)layer.OutFeatures, true, 6, 2 * settings.Alpha)
            : settings.RankStabilized
                ? new LoraStabilized(
                    (int)layer.InFeatures, (int)layer.OutFeatures, true, 6, settings.Alpha * Math.Sqrt(2))
                : new Lora((int)layer.InFeatures, (int)layer.OutFeatures, true, 6, 2 * settings.Alpha);
        again.LoadPretrained(Path.Combine(folder.Path, "base"));
        again.LoadAdapter(Path.Combine(folder.Path, "adapter"));
        var x = randn(5, layer.InFeatures);
        Assert.True(again.call(x).allclose(model.call(x), 1e-4, 1e-5));
    }

    [Fact]
    public void PissaAdapter_ComesBackOnTheSameBase_AndIsRefusedByAPlainClass()
    {
        var model = new Pissa(12, 8, true, 3, 6);
        model.SavePretrained(Path.Combine(folder.Path, "base"));
        using (no_grad()) model.AdapterParameters()[0].mul_(1.1);
        model.SaveAdapter(Path.Combine(folder.Path, "adapter"));
        var again = new Pissa(12, 8, true, 3, 6);
        again.LoadPretrained(Path.Combine(folder.Path, "base"));
        again.LoadAdapter(Path.Combine(folder.Path, "adapter"));
        var x = randn(5, 12);
        Assert.True(again.call(x).allclose(model.call(x), 1e-5, 1e-5));

        var plain = new Lora(12, 8, true, 3, 6);
        var error = Assert.Throws<CheckpointException>(() => plain.LoadAdapter(Path.Combine(folder.Path, "adapter")));
        Assert.Contains("init_lora_weights is \"pissa\"", error.Message);
    }

    [Theory, MemberData(nameof(Started))]
    public void AdapterThatWasLoadedBeforeTheBase_IsNotStartedAnew(string form)
    {
        var model = Forms.All[form]();
        var (basePath, adapter) = (Path.Combine(folder.Path, "base"), Path.Combine(folder.Path, "adapter"));
        new OneLinear((int)model.Layer.InFeatures, (int)model.Layer.OutFeatures, true).SavePretrained(basePath);
        using (no_grad()) foreach (var value in model.AdapterParameters()) value.mul_(1.1);
        model.SaveAdapter(adapter);
        var late = Forms.All[form]();
        late.LoadAdapter(adapter);
        var before = late.AdapterParameters().Select(value => value.clone()).ToList();
        Assert.Contains("load the base first", Assert.Throws<InvalidOperationException>(() =>
            late.LoadPretrained(basePath)).Message);
        Assert.All(late.AdapterParameters().Zip(before), pair => Assert.True(pair.First.Equals(pair.Second)));
        late.StartAdapters();
        late.LoadPretrained(basePath);
        late.LoadAdapter(adapter);
    }

    [Fact]
    public void AdapterThatNeedsNoBase_MayBeLoadedBeforeIt()
    {
        var model = new Lora12To8();
        using (no_grad()) foreach (var value in model.AdapterParameters()) value.add_(0.1);
        model.SavePretrained(Path.Combine(folder.Path, "base"));
        model.SaveAdapter(Path.Combine(folder.Path, "adapter"));
        var late = new Lora12To8();
        late.LoadAdapter(Path.Combine(folder.Path, "adapter"));
        late.LoadPretrained(Path.Combine(folder.Path, "base"));
        var x = randn(5, 12);
        Assert.True(late.call(x).Equals(model.call(x)));
    }

    [Fact]
    public void LoraGa_ThatWasStartedBeforeTheBase_IsNotGivenUp()
    {
        var model = new LoraGa12To8();
        model.SavePretrained(folder.Path);
        model.StartLoraGa(1, _ => model.call(randn(2, 12)).square().sum());
        Assert.Contains("load the base first", Assert.Throws<InvalidOperationException>(() =>
            model.LoadPretrained(folder.Path)).Message);
    }

    [Theory]
    [InlineData("\"alpha_pattern\": {\"proj\": 4}", "lora_alpha of 'blocks.0.proj' is 4, but the model's is 6")]
    [InlineData("\"rank_pattern\": {\"pro.\": 4}", "r of 'blocks.0.proj' is 4, but the model's is 3")]
    [InlineData("\"rank_pattern\": {\"(\": 4}", "is no usable regular expression")]
    [InlineData("\"rank_pattern\": {\"other\": 4, \"blocks.0.proj\": 3}", null)]
    [InlineData("\"modules_to_save\": [\"proj\"]", "has 'blocks.0.proj' trained whole")]
    [InlineData("\"lora_bias\": true", "uses lora_bias")]
    [InlineData("\"rank_pattern\": {}, \"lora_bias\": false, \"modules_to_save\": null", null)]
    public void Adapter_ThatUsesWhatIsNotSupported_IsRefusedByField(string field, string? words)
    {
        var model = new Lora(12, 8, true, 3, 6);
        model.SaveAdapter(folder.Path);
        var config = Path.Combine(folder.Path, "adapter_config.json");
        var text = File.ReadAllText(config).TrimEnd().TrimEnd('}');
        File.WriteAllText(config, $"{text}, {field}}}"); // the last one counts
        var error = Record.Exception(() => model.LoadAdapter(folder.Path));
        if (words is null) Assert.Null(error);
        else Assert.Contains(words, Assert.IsType<CheckpointException>(error).Message);
    }

    [Fact]
    public void DoraAdapter_IsStoredUnderPeftsNames()
    {
        var model = (OneLinear)new Dora12To8();
        using (no_grad()) foreach (var value in model.AdapterParameters()) value.add_(0.1);
        model.SaveAdapter(folder.Path);
        using var file = Marrow.Checkpoints.SafetensorsFile.Open(
            Path.Combine(folder.Path, "adapter_model.safetensors"));
        Assert.Equal(
            ["base_model.model.blocks.0.proj.lora_A.weight", "base_model.model.blocks.0.proj.lora_B.weight",
                "base_model.model.blocks.0.proj.lora_magnitude_vector"],
            file.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Contains("\"use_dora\": true", File.ReadAllText(Path.Combine(folder.Path, "adapter_config.json")));
        var again = new Dora12To8();
        again.LoadAdapter(folder.Path);
        Assert.All(model.AdapterParameters().Zip(again.AdapterParameters()), pair =>
            Assert.True(pair.First.Equals(pair.Second)));
    }

    [Fact]
    public void LoraGa_ThatWasNotStarted_DoesNotTrain()
    {
        using var model = new LoraGa12To8();
        var error = Assert.Throws<InvalidOperationException>(() => model.call(randn(2, 12)));
        Assert.Contains("StartLoraGa", error.Message);
        model.eval();
        model.call(randn(2, 12)).Dispose();
        model.train();
        model.StartLoraGa(1, _ => model.call(randn(2, 12)).square().sum());
        model.call(randn(2, 12)).sum().backward();
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(1)]
    public void LoraGa_TakesTheMeanGradientOfTheBatches_WhateverTheMemory(long bytes)
    {
        var model = new LoraGa12To8();
        var layer = (AdaptedLinear)model.Layer;
        var weight = layer.Weight.clone();
        var inputs = new[] { randn(7, 12), randn(7, 12) };
        var targets = new[] { randn(7, 8), randn(7, 8) };
        var gradient = inputs.Zip(targets).Aggregate(zeros(8, 12), (sum, pair) =>
        {
            var w = weight.detach().clone().requires_grad_();
            nn.functional.mse_loss(nn.functional.linear(pair.First, w, layer.Bias), pair.Second).backward();
            return sum + w.grad!;
        }) / 2;

        model.StartLoraGa(2, i => nn.functional.mse_loss(model.call(inputs[i]), targets[i]), gradientBytes: bytes);
        var (u, s, vt) = linalg.svd(gradient, fullMatrices: false);
        var (a, b) = (model.AdapterParameters()[0], model.AdapterParameters()[1]);
        Assert.True(a.t().mm(a).allclose(vt[..3].t().mm(vt[..3]), 1e-4, 1e-5));
        var expected = u[.., 3..6] * s[3..6] * (Math.Pow(8, 0.25) / 4);
        Assert.True(b.mm(b.t()).allclose(expected.mm(expected.t()), 1e-4, 1e-5));
        Assert.True(layer.AdaptedWeight().allclose(weight, 1e-5, 1e-6));
        Assert.Equal([1.0, 4.0], TrainedParameter.Of(model).Select(parameter => parameter.RateRatio));
    }

    [Fact]
    public void LoraGa_OfAModelWithoutIt_SaysSo() => Assert.Contains(
        "no layer with [Lora(Init = LoraInit.LoraGa)]",
        Assert.Throws<InvalidOperationException>(() => new Lora12To8().StartLoraGa(1, _ => zeros(1))).Message);

    [Fact]
    public void RandomizedTriples_AreCloseToTheExactOnes_AndTheSameAtEveryCall()
    {
        // Singular values that fall as those of trained weights do.
        manual_seed(3);
        var (u, v) = (linalg.qr(randn(300, 300)).Q, linalg.qr(randn(280, 280)).Q);
        var values = arange(1, 281, dtype: float32).pow(-0.5);
        var matrix = u[.., ..280].mul(values).mm(v.t());
        var exact = SingularTriples.Exact(matrix).Leading(36);
        var fast = SingularTriples.Randomized(matrix, 36, 4);
        Assert.True(((fast.S - exact.S).abs() / exact.S).max().item<float>() < 0.002);
        Assert.True(fast.U.t().mm(fast.U).allclose(eye(36), 1e-4, 1e-4));
        Assert.True(SingularTriples.Randomized(matrix, 36, 4).Vt.Equals(fast.Vt));
    }

    [Fact]
    public void LearningRateRatio_MakesGroups()
    {
        var groups = new DoraDropout12To8().AdapterParameters().Groups(1e-3, weightDecay: 0.1);
        Assert.Equal([(1e-3, 1), (8e-3, 2)], groups.Select(group =>
            (((TorchSharp.Modules.AdamW.Options)group.Options).LearningRate!.Value, group.Parameters.Count())));
        using var optimizer = optim.AdamW(groups);
        optimizer.zero_grad();
    }

    [Fact]
    public void BaseOf16Bits_HasAdaptersOf32_WhoseGradientsAreToo()
    {
        using var on = Construction.On(CPU, ScalarType.BFloat16);
        foreach (var form in (string[])["row", "lora", "dora", "pissa"])
        {
            var layer = (AdaptedLinear)Forms.All[form]().Layer;
            Assert.Equal(ScalarType.BFloat16, layer.Weight.dtype);
            var y = layer.call(randn(5, layer.InFeatures, dtype: ScalarType.BFloat16));
            Assert.Equal(ScalarType.BFloat16, y.dtype);
            y.sum().backward();
            Assert.All(layer.Adapter, pair =>
                Assert.Equal((ScalarType.Float32, ScalarType.Float32), (pair.Value.dtype, pair.Value.grad!.dtype)));
        }
    }
}
