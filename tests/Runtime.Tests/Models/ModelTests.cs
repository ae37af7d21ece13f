using Marrow.CompilerServices;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>What the builder makes of a model class.</summary>
public class ModelTests
{
    [Fact]
    public void Names_AreSnakeCaseOrAsNamed_AndHandWrittenModulesKeepTheirs()
    {
        using var model = new Everything(12, 4, depth: 1);
        Assert.Equal(
            [
                "cells.0.down.weight", "cells.0.ln.bias", "cells.0.ln.weight", "cells.0.up.bias",
                    "cells.0.up.bone_block", "cells.0.up.weight",
                "hand.inner.bias", "hand.inner.weight", "hands.0.inner.bias", "hands.0.inner.weight",
                    "hands.1.inner.bias", "hands.1.inner.weight",
                "tok.emb.weight", "tok.pos",
            ],
            model.named_parameters().Select(pair => pair.name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Tie_WhenFalse_GivesTheHeadItsOwnWeight()
    {
        using var model = new Everything(12, 4, tied: false);
        Assert.Equal([12, 4], model.named_parameters().Single(pair => pair.name == "head.weight").parameter.shape);
    }

    [Fact]
    public void Adapters_OfALayer_WinOverThoseOfTheClass()
    {
        using var model = new EverythingLora();
        Assert.IsType<BoneSettings>(((AdaptedLinear)model.Cells[0].Up).Settings);
        Assert.IsType<LoraSettings>(((AdaptedLinear)model.Cells[1].Down).Settings);
        Assert.IsType<Linear>(model.Head);
        Assert.DoesNotContain(model.named_parameters(), pair =>
            pair.name.StartsWith("hand") && pair.parameter.requires_grad);
    }

    [Fact]
    public void Plan_CountsWhatTheBuilderMakes()
    {
        using var model = new EverythingLora();
        var handWritten = model.named_parameters().Where(pair => pair.name.StartsWith("hand")).Sum(pair =>
            pair.parameter.numel());
        var built = model.parameters().Sum(parameter => parameter.numel()) - handWritten;
        Assert.Equal(built, EverythingLora.Plan.Rows.Where(row => row.Parameters is not null).Sum(row =>
            row.Repeat * (row.Parameters + row.AdapterParameters)));
        Assert.Equal(model.AdapterParameters().Sum(parameter => parameter.numel()),
            EverythingLora.Plan.TrainableParameters);
        Assert.Null(EverythingLora.Plan.TotalParameters);
        Assert.Contains("at run time", Everything.Plan.ToString());
    }

    [Fact]
    public void Forward_WithSixInputs_RunsAndVerifies()
    {
        using var scope = NewDisposeScope();
        using var model = new SixInputs();
        var x = randn(2, 8);
        Assert.True(model.call(x, x, x, x, x).Equals(model.call(x, x, x, x, x, null)));
        Assert.Equal(0, model.VerifyAgainstEager(x, x, x, x, x, x).Output, 1e-6);
    }

    [Fact]
    public void Forward_WithTwoInputsAndATuple_KeepsOnlyTheResults()
    {
        Marrow.Autograd.ReturnedGradients.Free();
        using var scope = NewDisposeScope();
        var model = new EverythingLora();
        var (ids, shift) = (zeros(2, 8, dtype: int64), zeros(1));
        var before = Count();
        var (logits, stream) = model.call(ids, shift);
        Assert.Equal(before + 2, Count());
        Assert.Equal([2, 8, 12], logits.shape);
        Assert.Equal([2, 8, 4], stream.shape);
    }

    [Fact]
    public void Construction_InsideADisposeScope_OutlivesIt()
    {
        EverythingLora model;
        using (NewDisposeScope())
        {
            model = new EverythingLora();
        }

        using (model)
        {
            Assert.Equal([2, 8, 12], model.call(zeros(2, 8, dtype: int64), zeros(1)).Logits.shape);
            Assert.All(model.parameters(), parameter => Assert.False(parameter.IsInvalid));
        }
    }

    [Fact]
    public void Dispose_FreesEveryTensor()
    {
        var before = Count();
        new EverythingLora().Dispose();
        Assert.Equal(before, Count());
    }

    [Fact]
    public void To_Double_RecomputesTablesInFullPrecision()
    {
        using var model = new Everything(12, 4);
        model.to(float64);
        Assert.Equal(1.0 / 3, model.Scale[1].item<double>(), 15);
        Assert.All(model.parameters(), parameter => Assert.Equal(float64, parameter.dtype));
        Assert.Equal(float64, model.call(zeros(2, 8, dtype: int64), zeros(1, dtype: float64)).Logits.dtype);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void Construction_OnAType_MakesTheBaseInIt_AndAdaptersIn32BitsAtLeast(ScalarType dtype)
    {
        using var on = Construction.On(dtype: dtype);
        using var model = new Cell(4);
        var adapters = model.AdapterParameters().ToHashSet();
        Assert.All(model.parameters(), parameter =>
            Assert.Equal(adapters.Contains(parameter) && dtype == ScalarType.BFloat16 ? ScalarType.Float32 : dtype,
                parameter.dtype));
    }

    [Fact]
    public void Construction_OnMeta_HasShapesOnly()
    {
        using var on = Construction.On(META);
        using var model = new Cell(4);
        Assert.All(model.parameters(), parameter => Assert.Equal(DeviceType.META, parameter.device_type));
    }

    [Fact]
    public void Construction_OnManyThreads_DoesNotMixBuilders()
    {
        Parallel.For(0, 16, _ =>
        {
            using var model = new EverythingLora();
            Assert.Equal("cells.1.down", ((AdaptedLinear)model.Cells[1].Down).LayerName);
        });
    }

    [Fact]
    public void Dropout_OutOfRange_SaysTheLayer() => Assert.Contains(
        "Dropout probability 1.5 of layer 'drop'", Assert.Throws<ArgumentException>(() => new Cell(4, 1.5)).Message);

    // Process-wide counts would see the other tests that run at the same time.
    private static long Count() => DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;
}

[Recompute, Lora(Rank = 2)]
public partial class SixInputs() : SixInputsBase(8);

[Model]
public partial class SixInputsBase(int width)
{
    [Linear(nameof(width), nameof(width))] public partial Linear Up { get; }

    [Forward]
    private Tensor Network(Tensor a, Tensor b, Tensor c, Tensor d, Tensor e, Tensor? f = null) =>
        Up.call(a + b - c) * d + e + (f ?? 0 * e);
}
