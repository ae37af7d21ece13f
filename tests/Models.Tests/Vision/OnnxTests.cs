using Marrow.CompilerServices;
using Marrow.Onnx;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Models.Tests.Vision;

/// <summary>What <see cref="OnnxExport"/> writes, run by ONNX Runtime, gives the model's logits.</summary>
public sealed class OnnxTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("marrow-onnx").FullName;
    private readonly DisposeScope scope = NewDisposeScope();

    private static readonly Dictionary<string, Func<nn.Module<Tensor, Tensor>>> Models = new()
    {
        ["Plain"] = () => new PlainViT(),
        ["WithoutDistillation"] = () => new WithoutDistillation(),
        ["UnclassifiedToken"] = () => new UnclassifiedTokenViT(),
        ["Swin"] = () => new PlainSwin(),
        ["SwinOfOddMaps"] = () => new OddSwin(),
        ["StatsQ2Bit"] = () => new StatsQViT(),
        ["Lsq"] = () => new LsqViT(),
        ["LsqSigns"] = () => new SignViT(),
        ["Qkr"] = () => new QkrViT(),
        ["FreezingQkr"] = () => new FreezingQkrViT(),
        ["WeightOnly"] = () => new WeightOnlyViT(),
        ["WeightOnlyQkr"] = () => new WeightOnlyQkrViT(),
        ["FourBit"] = () => new FourBitViT(),
        ["FiveBit"] = () => new FiveBitViT(),
        ["EightBit"] = () => new EightBitViT(),
        ["QuantizedSwin"] = () => new QuantizedSwin(),
        ["QuantizedOddSwin"] = () => new QuantizedOddSwin(),
        ["Lora"] = () => new LoraViT(),
        ["LoraOverPackedBase"] = () => new PackedLoraViT(),
        ["QuantizedMergedLora"] = () => new MergedLoraViT(),
    };

    public static TheoryData<string> Kinds => [.. Models.Keys];

    public static TheoryData<int, WeightQuantizer> Bits
    {
        get
        {
            var data = new TheoryData<int, WeightQuantizer>();
            for (var bits = 1; bits <= 8; bits++)
            {
                data.Add(bits, WeightQuantizer.Lsq);
                if (bits > 1)
                {
                    data.Add(bits, WeightQuantizer.StatsQ);
                }
            }

            return data;
        }
    }

    private string File => Path.Combine(folder, "model.onnx");

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void OnnxRuntime_GivesTheModelsLogits(string kind)
    {
        var model = Trained(Models[kind]());
        ((IModel)model).SaveOnnx(File);
        Compare(model);
    }

    [Theory]
    [InlineData("StatsQ2Bit")]
    [InlineData("Lsq")]
    [InlineData("Qkr")]
    [InlineData("QuantizedSwin")]
    public void ModelsOfPackedWeights_ExportAlike(string kind)
    {
        var trained = Trained(Models[kind]());
        var exported = Path.Combine(folder, "packed.safetensors");
        ((IModel)trained).Export(exported);
        var packed = Models[kind]();
        ((IModel)packed).LoadExport(exported);
        ((IModel)packed).SaveOnnx(File);
        Compare(trained);
    }

    [Fact]
    public void Graph_IsWhatItsUsersExpect()
    {
        ((IModel)Trained(new QkrViT())).SaveOnnx(File);
        using var session = new InferenceSession(File);
        var (name, input) = session.InputMetadata.Single();
        Assert.Equal("pixel_values", name);
        Assert.Equal([-1, 3, 16, 16], input.Dimensions);
        Assert.Equal("batch_size", input.SymbolicDimensions[0]);
        Assert.Equal("logits", session.OutputMetadata.Single().Key);
        Assert.Equal([-1, 10], session.OutputMetadata.Single().Value.Dimensions);
    }

    [Theory]
    [MemberData(nameof(Bits))]
    public void Weights_AreRepresentedExactly(int bits, WeightQuantizer method)
    {
        manual_seed(bits);
        var weight = randn(37, 101);
        var (settings, isOdd) = (new QuantizerSettings(bits, Weights: method), method == WeightQuantizer.StatsQ);
        var packed = PackedWeight.Of(
            settings.Method.Codes(weight, rand(37).add_(0.1), bits), bits, isOdd);
        var graph = new OnnxGraph(File);
        var x = new OnnxValue("x", [-1, 101]);
        graph.Save("weight", x, graph.Named("y", graph.Linear(x, graph.Weight("weight", packed))));
        var found = Run(eye(101), "x", "y", 37).t();
        var expected = packed.Dequantize();
        if (isOdd && bits is 4 or 8)
        {
            // u and half a level are added as floats.
            Assert.True((found - expected).abs().max().item<float>() <= 1e-7 * expected.abs().max().item<float>());
        }
        else
        {
            Assert.True(found.equal(expected).all().item<bool>());
        }

        var bytes = bits <= 4 ? 37 * 101 / 2 : 37 * 101;
        Assert.InRange(new FileInfo(File).Length, bytes, bytes + 1500);
    }

    [Fact]
    public void AdaptersThatAreOff_AreNoPartOfTheGraph()
    {
        var model = Trained(new LoraViT());
        ((IModel)model).DisableAdapters();
        ((IModel)model).SaveOnnx(File);
        Compare(model);
    }

    [Fact]
    public void ModelsWithoutAForm_AreOneSentence_AndNoFile()
    {
        System.IO.File.WriteAllText(File, "old");
        Refused("has no steps yet, which the first batch gives it", new StatsQViT());
        Refused("only these have a graph of ONNX", new VisionMlp(4, 8, 1));
        Refused("the model has a network of its own, that of OtherNetwork", new OtherNetwork());
        using (Construction.On(META))
        {
            Refused("is on the meta device", new PlainViT());
        }

        Assert.Equal("old", System.IO.File.ReadAllText(File));
        Assert.Contains("cannot be written", Assert.Throws<CheckpointException>(() =>
            new PlainViT().SaveOnnx(Path.Combine(folder, "none", "model.onnx"))).Message);

        void Refused(string words, IModel model) =>
            Assert.Contains(words, Assert.Throws<CheckpointException>(() => model.SaveOnnx(File)).Message);
    }

    /// <summary>Batches of 1 and 3; the same largest logits, and all logits near.</summary>
    private void Compare(nn.Module<Tensor, Tensor> model)
    {
        var input = InputOf(model);
        foreach (var batch in new[] { 1L, 3 })
        {
            manual_seed(7 + batch);
            var x = randn([batch, .. input]);
            Tensor expected;
            using (no_grad())
            {
                expected = model.call(x);
            }

            var logits = Run(x, "pixel_values", "logits", expected.size(1));
            Assert.Equal(expected.argmax(1).data<long>().ToArray(), logits.argmax(1).data<long>().ToArray());
            var difference = (logits - expected).abs().max().item<float>();
            Assert.True(difference <= 1e-3, $"{difference} of {expected.abs().max().item<float>()}");
            Assert.True(expected.std().item<float>() > 0.01);
        }
    }

    /// <summary>What ONNX Runtime makes of an input, with its default options.</summary>
    private Tensor Run(Tensor x, string input, string output, long columns)
    {
        using var session = new InferenceSession(File);
        using var given = OrtValue.CreateTensorValueFromMemory(x.data<float>().ToArray(), x.shape);
        using var outputs = session.Run(new RunOptions(), [input], [given], [output]);
        return tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray()).view(x.size(0), columns);
    }

    private static long[] InputOf(nn.Module<Tensor, Tensor> model) => model switch
    {
        OddSwin => [3, 44, 44],
        Swin => [3, 32, 32],
        _ => [3, 16, 16],
    };

    /// <summary>
    /// A few steps at a high rate, so that quantizers have their steps, and every parameter, shifts and tables among
    /// them, is off its start.
    /// </summary>
    private static nn.Module<Tensor, Tensor> Trained(nn.Module<Tensor, Tensor> model)
    {
        manual_seed(3);
        var optimizer = optim.SGD(model.parameters().Where(parameter => parameter.requires_grad), 0.05);
        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            var loss = nn.functional.cross_entropy(
                model.call(randn([4, .. InputOf(model)])), randint(0, 7, [4], dtype: int64));
            loss.backward();
            optimizer.step();
        }

        using (no_grad())
        {
            foreach (var (name, parameter) in model.named_parameters())
            {
                if (name.Contains("move") || name.EndsWith("bias") || name.EndsWith("token") || name.Contains("table"))
                {
                    parameter.add_(randn_like(parameter), 0.1);
                }
            }
        }

        model.eval();
        return model;
    }
}
