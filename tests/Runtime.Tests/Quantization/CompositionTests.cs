using Marrow.CompilerServices;
using Marrow.Quantization.Layers;
using Marrow.Tests.Autograd;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Quantization;

/// <summary>Adapters with quantizers: over a packed base, and under a quantizer of the merged weight.</summary>
public sealed class CompositionTests : IDisposable
{
    private static readonly Dictionary<string, Func<OneAdapted>> Merged = new()
    {
        ["row"] = () => new MergedRow(),
        ["column"] = () => new MergedColumn(4, 2),
        ["free"] = () => new MergedFree(),
        ["mini"] = () => new MergedMini(),
        ["lora"] = () => new MergedLora(),
        ["dora"] = () => new MergedDora(),
        ["freezing lora"] = () => new FreezingLora(),
        ["annealed row"] = () => new AnnealedRow(),
    };

    private static readonly Dictionary<string, Func<OneAdapted>> Packed = new()
    {
        ["row"] = () => new PackedRow(),
        ["column"] = () => new PackedColumn(4, 2),
        ["free"] = () => new PackedFree(),
        ["mini"] = () => new PackedMini(),
        ["lora"] = () => new PackedLora(),
        ["dora"] = () => new PackedDora(),
        ["pissa"] = () => new PackedPissa(),
        ["none"] = () => new PackedOnly(),
    };

    private readonly string folder = Directory.CreateTempSubdirectory("marrow-composition").FullName;

    public static TheoryData<string> MergedForms => [.. Merged.Keys];

    public static TheoryData<string> PackedForms => [.. Packed.Keys];

    /// <summary>All but DoRA, whose backward counts the rows' lengths as constants.</summary>
    public static TheoryData<string> DifferentiableForms => [.. Packed.Keys.Where(form => form != "dora")];

    /// <summary>All but PiSSA, which packs what its start leaves.</summary>
    public static TheoryData<string> WholeBaseForms => [.. Packed.Keys.Where(form => form != "pissa")];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory, MemberData(nameof(MergedForms))]
    public void Merged_FusedIsThePlainFormula(string form)
    {
        using var scope = NewDisposeScope();
        var model = Create(Merged[form]);
        Agree(model, 1e-5);
        model.to(ScalarType.Float64);
        Agree(model, 1e-12);
    }

    [Theory, MemberData(nameof(MergedForms))]
    public void Merged_GradientIsThatOfTheSurrogate(string form)
    {
        // The surrogate of the straight-through step: the adapted weight itself, with the rounding as a constant.
        using var scope = NewDisposeScope();
        var model = Create(Merged[form]);
        model.to(ScalarType.Float64);
        var layer = (AdaptedLinear)model.Layer;
        var x = randn(5, 12, dtype: float64);
        var rounding = (StatsQ.Plain(layer.AdaptedWeight(), ((IQuantizedLayer)layer).Settings.Bits)
            - layer.AdaptedWeight()).detach();
        var dy = randn(5, 8, dtype: float64);
        layer.call(x).backward([dy]);
        var found = layer.Adapter.Select(pair => pair.Value.grad!.clone()).ToList();
        layer.zero_grad();
        nn.functional.linear(x, layer.AdaptedWeight() + rounding, layer.Bias).backward([dy]);
        Assert.All(layer.Adapter.Zip(found), pair =>
            Assert.True((pair.First.Value.grad! - pair.Second).abs().max().item<double>() < 1e-12));
    }

    [Theory, MemberData(nameof(MergedForms))]
    public void Merged_WeightIsOnTheGrid_BeforeAndAfterFolding(string form)
    {
        using var scope = NewDisposeScope();
        var model = Create(Merged[form]);
        var x = randn(3, 12);
        var y = model.call(x).detach();
        ((IModel)model).Merge();
        Assert.True((model.call(x).detach() - y).abs().max().item<float>() < 1e-5);
    }

    [Theory, MemberData(nameof(MergedForms))]
    public void Merged_ExportsToTheSameOutputs(string form)
    {
        using var scope = NewDisposeScope();
        var model = Create(Merged[form]);
        model.eval();
        var x = randn(3, 12);
        var y = model.call(x).detach();
        var path = Path.Combine(folder, "model.safetensors");
        ((IModel)model).Export(path);
        var loaded = Merged[form]();
        ((IModel)loaded).LoadExport(path);
        Assert.Equal(y.data<float>().ToArray(), loaded.call(x).data<float>().ToArray());
    }

    [Fact]
    public void Annealing_HoldsConfidentEntriesOfTheMergedWeight()
    {
        using var scope = NewDisposeScope();
        var model = Create(Merged["annealed row"]);
        using var annealing = new Annealing(model);
        using var optimizer = new FusedAdamW(TrainedParameter.Of(model));
        var weight = ((IModel)model).QuantizedWeights().Single();
        for (var step = 0; step < 3; step++)
        {
            optimizer.ZeroGradients();
            model.call(randn(4, 12)).square().sum().backward();
            annealing.BeforeStep();
            var before = weight.Value().detach().clone();
            optimizer.Step(0.01, annealing.Frozen);
            var moved = weight.Value().detach() != before;
            Assert.Equal(0, moved.logical_and(weight.Frozen.Mask!).count_nonzero().item<long>());
            Assert.True(moved.any().item<bool>());
        }
    }

    [Theory, MemberData(nameof(DifferentiableForms))]
    public void Packed_GradientsAgreeWithDifferences(string form)
    {
        using var scope = NewDisposeScope();
        var model = Create(Packed[form]);
        model.to(ScalarType.Float64);
        var x = randn(5, 12, dtype: float64, requires_grad: true);
        GradCheck.Run(Call, [("x", x), .. Adapter(model)]);

        Tensor Call()
        {
            manual_seed(5);
            return model.call(x);
        }
    }

    [Theory, MemberData(nameof(PackedForms))]
    public void Packed_FusedIsThePlainFormula(string form)
    {
        using var scope = NewDisposeScope();
        Agree(Create(Packed[form]), 1e-5);
    }

    [Fact]
    public void Packed_PissaTakesItsStartOutBeforePacking()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var (plain, model) = (new OneAdapted(12, 8, true), new PackedPissa());
        plain.SavePretrained(folder);
        model.LoadPretrained(folder);
        var weight = plain.Layer.Weight.detach();
        var (a, b) = Marrow.Adapters.LowRank.LowRankInitialization.Pissa(weight, rank: 3, scale: 1, iterations: 0);
        var expected = StatsQ.Quantize(weight - b.mm(a), 4) + b.mm(a);
        var x = randn(6, 12);
        Assert.True(model.call(x).allclose(nn.functional.linear(x, expected, plain.Layer.Bias), 1e-5, 1e-5));
    }

    [Theory, MemberData(nameof(WholeBaseForms))]
    public void Packed_BaseIsThatOfTheCheckpoint(string form)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var plain = new OneAdapted(12, 8, form != "column");
        ((IModel)plain).SavePretrained(folder);
        var (model, meta) = (Packed[form](), OnMeta(Packed[form]));
        ((IModel)model).LoadPretrained(folder);
        ((IModel)meta).LoadPretrained(folder);
        model.eval();
        meta.eval();
        ((IModel)model).DisableAdapters();
        var bits = form switch { "row" or "dora" => 4, "column" or "free" or "none" => 2, "mini" => 3, _ => 8 };
        var x = randn(6, 12);
        var expected = nn.functional.linear(x, StatsQ.Quantize(plain.Layer.Weight.detach(), bits), plain.Layer.Bias);
        Assert.True((model.call(x) - expected).abs().max().item<float>() < 1e-6);
        Assert.True((meta.call(x) - model.call(x)).abs().max().item<float>() < 1e-6);

        ((IModel)model).SavePretrained(Path.Combine(folder, "again"));
        var again = Packed[form]();
        ((IModel)again).LoadPretrained(Path.Combine(folder, "again"));
        ((IModel)again).DisableAdapters();
        again.eval();
        Assert.True((again.call(x) - expected).abs().max().item<float>() < 0.5);
    }

    [Theory, MemberData(nameof(PackedForms))]
    public void Packed_ExportsToTheSameOutputs(string form)
    {
        using var scope = NewDisposeScope();
        var model = Create(Packed[form]);
        model.eval();
        var x = randn(3, 12);
        var path = Path.Combine(folder, "model.safetensors");
        ((IModel)model).Export(path);
        var loaded = OnMeta(Packed[form]);
        ((IModel)loaded).LoadExport(path);
        Assert.Equal(model.call(x).data<float>().ToArray(), loaded.call(x).data<float>().ToArray());
    }

    [Fact]
    public void Packed_WeightTakesItsBits()
    {
        using var scope = NewDisposeScope();
        var model = new PackedLarge();
        var bytes = model.named_parameters()
            .Where(pair => pair.name.StartsWith("layer.weight", StringComparison.Ordinal))
            .Sum(pair => pair.parameter.bytes.Length);
        Assert.Equal((1024 * 512 / 2) + (512 * 4), bytes);
    }

    [Fact]
    public void Packed_BaseTakesNoAdapter()
    {
        using var scope = NewDisposeScope();
        var fault = Assert.Throws<InvalidOperationException>(() => ((IModel)new PackedRow()).Merge());
        Assert.Contains("packed base", fault.Message);
    }

    private static OneAdapted Create(Func<OneAdapted> create)
    {
        manual_seed(8);
        var model = create();
        using var noGrad = no_grad();
        foreach (var (_, value) in Adapter(model))
        {
            value.normal_(0, 0.3);
        }

        return model;
    }

    private static OneAdapted OnMeta(Func<OneAdapted> create)
    {
        using var on = Construction.On(META);
        return create();
    }

    private static (string, Tensor)[] Adapter(OneAdapted model) =>
        model.Layer is AdaptedLinear layer ? [.. layer.Adapter.Select(pair => (pair.Name, (Tensor)pair.Value))] : [];

    private static void Agree(OneAdapted model, double tolerance)
    {
        var difference = ((IModel)model).VerifyAgainstEager(
            randn(5, 12, dtype: ((IModel)model).Module.parameters().Last().dtype));
        Assert.True(difference.Output <= tolerance * difference.LargestOutput, difference.ToString());
        Assert.All(difference.Gradients, pair =>
            Assert.True(pair.Value <= 100 * tolerance, $"{pair.Key}: {pair.Value}"));
    }
}
