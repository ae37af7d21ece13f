using Marrow.Checkpoints;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Models;

/// <summary>A module of the ecosystem's own kind: recurrent weights and running statistics.</summary>
public sealed class Recurrent : nn.Module<Tensor, Tensor>
{
    private readonly TorchSharp.Modules.GRU gru;
    private readonly TorchSharp.Modules.BatchNorm1d norm;
    private readonly TorchSharp.Modules.Parameter gain;

    public Recurrent(int width)
        : base(nameof(Recurrent))
    {
        gru = nn.GRU(width, width, batchFirst: true);
        norm = nn.BatchNorm1d(width);
        gain = new TorchSharp.Modules.Parameter(ones(width));
        register_buffer("calls", zeros(1, dtype: int64));
        register_buffer("scratch", zeros(3), persistent: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using (no_grad())
        {
            get_buffer("calls")!.add_(1);
        }

        return norm.call(gru.call(x).Item1.transpose(1, 2)).transpose(1, 2) * gain;
    }
}

[Model]
public partial class Hybrid(int width, int copies = 2)
{
    [Linear(nameof(width), nameof(width))] public partial Linear Inner { get; }

    [Block(nameof(width))] public partial Recurrent Recurrent { get; }

    [Block(nameof(width), Count = nameof(copies))] public partial ModuleList<Recurrent> More { get; }

    [Buffer(nameof(width), Persistent = true, Init = nameof(Ramp))] public partial Tensor Average { get; }

    [Buffer(nameof(width), Init = nameof(Ramp))] public partial Tensor Table { get; }

    [Forward]
    private Tensor Network(Tensor x)
    {
        if (training)
        {
            using var noGrad = no_grad();
            Average.mul_(0.9).add_(x.mean([0, 1]), alpha: 0.1);
        }

        x = Recurrent.call(Inner.call(x)) + Average;
        return More.Aggregate(x, (y, block) => y + block.call(y));
    }

    private Tensor Ramp() => arange(width, dtype: float64) / 3;
}

/// <summary>A module whose author forgot to register what it holds.</summary>
public sealed class Unregistered(int width) : nn.Module<Tensor, Tensor>(nameof(Unregistered))
{
    private readonly TorchSharp.Modules.Linear linear = nn.Linear(width, width);

    public override Tensor forward(Tensor x) => linear.call(x);
}

[Model]
public partial class Forgetting(int width)
{
    [Block(nameof(width))] public partial Unregistered Inner { get; }

    [Forward]
    private Tensor Network(Tensor x) => Inner.call(x);
}

[Quantize(Bits = 4)]
public partial class HybridQuantized() : Hybrid(width: 8);

[Lora(Rank = 2)]
public partial class HybridLora() : Hybrid(width: 8);

/// <summary>Every parameter and persistent buffer below a model is part of it, whoever wrote the module.</summary>
public class StateTests
{
    [Fact]
    public void SavePretrained_HoldsWhatTorchSharpsOwnStateDictHolds()
    {
        using var folder = new TemporaryFolder();
        using var model = Trained(new Hybrid(8));
        model.SavePretrained(folder.File("model"));
        using var file = SafetensorsFile.Open(folder.File("model/model.safetensors"));
        var state = model.state_dict();
        Assert.Equal(state.Keys.Order(), file.Tensors.Keys.Order());
        foreach (var (name, value) in state)
        {
            Assert.True(file.ReadTensor(name).Equals(value), name);
            Assert.Equal(value.dtype, file.ReadTensor(name).dtype);
        }

        Assert.Contains("recurrent.norm.running_mean", state.Keys);
        Assert.Contains("more.1.gru.weight_ih_l0", state.Keys);
        Assert.Contains("average", state.Keys);
        Assert.DoesNotContain(state.Keys, name => name.EndsWith("scratch") || name == "table");
    }

    [Fact]
    public void LoadPretrained_GivesAModelThatComputesTheSame()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = Trained(new Hybrid(8));
        using var other = new Hybrid(8);
        var x = randn(2, 5, 8);
        model.eval();
        other.eval();
        model.SavePretrained(folder.File("model"));
        Assert.False(allclose(model.call(x), other.call(x)));
        other.LoadPretrained(folder.File("model"));
        Assert.True(model.call(x).Equals(other.call(x)));
    }

    [Fact]
    public void LoadPretrained_IntoAMetaModel_FillsPersistentBuffers()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = Trained(new Hybrid(8));
        model.SavePretrained(folder.File("model"));
        using var _ = Construction.On(META);
        using var other = new Hybrid(8);
        Assert.Equal(DeviceType.META, other.Average.device_type);
        other.LoadPretrained(folder.File("model"));
        Assert.True(model.Average.Equals(other.Average));
        Assert.True(model.Table.Equals(other.Table));
    }

    [Fact]
    public void TrainingState_ResumesRunningStatistics()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = Trained(new HybridLora());
        using var optimizer = new FusedAdamW(TrainedParameter.Of(model));
        new TrainingState(model, optimizer).Save(folder.File("state.safetensors"), 3);
        using var other = new HybridLora();
        var before = other.state_dict()["recurrent.norm.running_var"].clone();
        using var second = new FusedAdamW(TrainedParameter.Of(other));
        Assert.Equal(3, new TrainingState(other, second).Restore(folder.File("state.safetensors")));
        foreach (var name in new[] { "recurrent.norm.running_var", "more.0.norm.num_batches_tracked", "average" })
        {
            Assert.True(model.state_dict()[name].Equals(other.state_dict()[name]), name);
        }

        Assert.False(before.Equals(other.state_dict()["recurrent.norm.running_var"]));
    }

    [Fact]
    public void Export_TakesHandWrittenModulesAlong()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = Trained(new HybridQuantized());
        using var other = new HybridQuantized();
        var x = randn(2, 5, 8);
        model.eval();
        model.Export(folder.File("model.safetensors"));
        other.LoadExport(folder.File("model.safetensors"));
        Assert.Equal(0, (model.call(x) - other.call(x)).abs().max().item<float>(), 1e-6);
    }

    [Fact]
    public void To_MovesHandWrittenModulesAndBuffers()
    {
        using var scope = NewDisposeScope();
        using var model = Trained(new Hybrid(8));
        model.eval();
        var x = randn(2, 5, 8);
        var expected = model.call(x);
        var average = model.Average.clone();
        model.to(float64);
        Assert.All(model.state_dict().Where(pair => pair.Value.is_floating_point()), pair =>
            Assert.Equal(ScalarType.Float64, pair.Value.dtype));
        Assert.Equal(ScalarType.Int64, model.state_dict()["recurrent.calls"].dtype);
        Assert.True(average.to(float64).Equals(model.Average)); // converted, not computed anew
        Assert.Equal(0, (model.call(x.to(float64)) - expected).abs().max().item<double>(), 1e-5);
    }

    [Fact]
    public void Construction_BringsHandWrittenModulesToTheModelsType()
    {
        using var wide = Construction.On(dtype: ScalarType.Float64);
        using var model = new Hybrid(8);
        Assert.All(model.parameters(), parameter => Assert.Equal(ScalarType.Float64, parameter.dtype));
        using var y = model.call(randn(2, 5, 8, dtype: float64));
    }

    [Fact]
    public void Module_ThatRegisteredNothing_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Forgetting(4));
        Assert.Contains("'inner'", error.Message);
        Assert.Contains("RegisterComponents()", error.Message);
    }

    [Fact]
    public void Plan_ShowsHandWrittenModulesAsOneRowEach()
    {
        var rows = HybridLora.Plan.Rows;
        Assert.Equal(1, rows.Single(row => row.Layer == "recurrent").Repeat);
        Assert.Equal(2, rows.Single(row => row.Layer == "more.{0-1}").Repeat);
        Assert.Contains(rows, row => row is { Layer: "average", Shape: "8 (buffer)" });
    }

    private static T Trained<T>(T model)
        where T : Hybrid
    {
        using var scope = NewDisposeScope();
        for (var i = 0; i < 3; i++)
        {
            model.call(randn(2, 5, 8) + 1);
        }

        return model;
    }
}
