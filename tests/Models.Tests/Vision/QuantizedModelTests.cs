using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Models.Tests.Vision;

/// <summary>
/// Whole quantized models: float checkpoints load into them, and their fused layers are the plain formulas.
/// </summary>
public sealed class QuantizedModelTests : IDisposable
{
    private static readonly Dictionary<string, Func<PlainViT>> Models = new()
    {
        ["StatsQ"] = () => new StatsQViT(),
        ["Lsq"] = () => new LsqViT(),
        ["Qkr"] = () => new QkrViT(),
        ["WeightOnly"] = () => new WeightOnlyViT(),
        ["EightBit"] = () => new EightBitViT(),
        ["FiveBit"] = () => new FiveBitViT(),
    };

    private readonly string folder = Directory.CreateTempSubdirectory("marrow-quantized").FullName;

    public static TheoryData<string> Kinds => [.. Models.Keys];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Plan_CountsStepsAndShiftsToo()
    {
        Check(StatsQViT.Plan, new StatsQViT());
        Check(LsqViT.Plan, new LsqViT());
        Check(QkrViT.Plan, new QkrViT());
        Check(WeightOnlyViT.Plan, new WeightOnlyViT());
        Check(QuantizedSwin.Plan, new QuantizedSwin());

        static void Check(ModelPlan plan, nn.Module model)
        {
            using (model)
            {
                Assert.Equal(model.parameters().Sum(parameter => parameter.numel()), plan.TotalParameters);
                Assert.Equal(plan.TotalParameters, plan.TrainableParameters);
            }
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Fused_IsThePlainFormula_InFloat64(string kind)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var model = Models[kind]();
        model.to(ScalarType.Float64);
        var x = randn(3, 3, 16, 16, dtype: float64);
        model.call(x);
        var difference = ((IModel)model).VerifyAgainstEager(x);
        Assert.True(difference.Output <= 1e-11 * difference.LargestOutput, difference.ToString());
        Assert.All(difference.Gradients, pair => Assert.True(pair.Value <= 1e-8, $"{pair.Key}: {pair.Value}"));
    }

    [Fact]
    public void Swin_FusedIsThePlainFormula_InFloat64()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var model = new QuantizedSwin();
        model.to(ScalarType.Float64);
        var x = randn(1, 3, 32, 32, dtype: float64);
        model.call(x);
        var difference = ((IModel)model).VerifyAgainstEager(x);
        Assert.True(difference.Output <= 1e-11 * difference.LargestOutput, difference.ToString());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void FloatCheckpoint_LoadsWithTimmsNames(string kind)
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var plain = new PlainViT();
        ((IModel)plain).SavePretrained(folder);
        var model = Models[kind]();
        ((IModel)model).LoadPretrained(folder);
        var loaded = model.state_dict();
        foreach (var (name, value) in plain.state_dict())
        {
            if (loaded.TryGetValue(name, out var found))
            {
                Assert.True(found.bytes.SequenceEqual(value.bytes), name);
            }
        }

        if (kind is "Qkr" or "FiveBit")
        {
            // Queries, keys and values come from the rows of the fused layer.
            var qkv = plain.state_dict()["blocks.1.attn.qkv.weight"];
            foreach (var (part, index) in new[] { ("q", 0), ("k", 1), ("v", 2) })
            {
                Assert.True(loaded[$"blocks.1.attn.{part}.weight"].Equals(qkv.narrow(0, 32 * index, 32)), part);
            }
        }
    }

    [Fact]
    public void EightBits_StayNearTheFloatModel()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var plain = new PlainViT();
        ((IModel)plain).SavePretrained(folder);
        var model = new EightBitViT();
        ((IModel)model).LoadPretrained(folder);

        // LSQ's first steps are meant for training: 2 mean|x| / sqrt(127) is coarse for 8 bits.
        var x = randn(8, 3, 16, 16);
        var (a, b) = (plain.call(x), model.call(x));
        Assert.True((a - b).abs().mean().item<float>() < 0.4 * a.std().item<float>(),
            $"{(a - b).abs().mean().item<float>()} of {a.std().item<float>()}");
    }
}
