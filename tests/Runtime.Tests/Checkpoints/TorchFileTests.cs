using System.Text;
using Marrow.Checkpoints;
using Marrow.CompilerServices;
using Marrow.Tests.Adapters;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Checkpoints;

public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Tensors_ComeBackWithTypeShapeAndOrder()
    {
        var (weight, half, ids) = (randn(3, 5), randn(2, 2).to(bfloat16), tensor(new[] { 1L, -7, 1L << 40 }));
        var transposed = randn(4, 6).t();
        var path = Save(("emb.weight", weight), ("é", half), ("ids", ids), ("turned", transposed),
            ("empty", zeros(0, 3)), ("scalar", zeros([])));
        using var file = CheckpointFile.Open(path);
        Assert.True(file.ReadTensor("emb.weight").Equals(weight));
        Assert.True(file.ReadTensor("é").Equals(half));
        Assert.True(file.ReadTensor("ids").Equals(ids));
        Assert.True(file.ReadTensor("turned").Equals(transposed));
        Assert.Equal([0L, 3], file.Tensors["empty"].Shape);
        Assert.Equal([], file.ReadTensor("scalar").shape);
        Assert.Equal(bfloat16, file.Tensors["é"].Type);
    }

    [Fact]
    public void Model_LoadsIt()
    {
        var plain = new OneLinear(12, 8, true);
        var path = Save([.. plain.named_parameters().Select(pair => (pair.name, (Tensor)pair.parameter))]);
        var model = new Row12To8();
        model.LoadPretrained(path);
        Assert.True(model.Layer.Weight.Equals(plain.Layer.Weight));
    }

    [Theory]
    [InlineData("cos\nsystem\n(X\u0004\0\0\0echotR.", "calls 'os.system', and only tensors are read")]
    [InlineData("cbuiltins\neval\nq\0.", "names no tensor")]
    [InlineData("\u0080\u0009.", "protocol 9 is not known")]
    [InlineData("cbuiltins\nobject\n)\u0081.", "operation 0x81 is not one that tensors need")]
    [InlineData("X\u00ff\u00ff\u00ff\u007f.", "ends in the middle")]
    [InlineData("h\u0005.", "recalls 5")]
    [InlineData("", "ends in the middle")]
    public void Pickle_OfMoreThanTensors_IsRefusedAndNothingRuns(string pickle, string words)
    {
        var path = folder.File("hostile.pth");
        using (var archive = System.IO.Compression.ZipFile.Open(path, System.IO.Compression.ZipArchiveMode.Create))
        {
            using var entry = archive.CreateEntry(
                "archive/data.pkl", System.IO.Compression.CompressionLevel.NoCompression).Open();
            entry.Write(Encoding.Latin1.GetBytes(pickle));
        }

        Assert.Contains(words, Assert.Throws<CheckpointException>(() => CheckpointFile.Open(path)).Message);
    }

    [Fact]
    public void RwkvPeftAdapters_LoadAsBoneColumnBoneFreeAndLora()
    {
        OneLinear[] models = [new Column(12, 8, true, 4), new Free(12, 7, true, 4), new Lora(12, 8, true, 3, 6)];
        foreach (var model in models)
        {
            var layer = (AdaptedLinear)model.Layer;
            var values = layer.Adapter
                .Select(pair => (
                    Name: $"blocks.0.proj.{(pair.Name.StartsWith("lora") ? pair.Name : "disha")}",
                    Value: randn(pair.Value.shape)))
                .ToList();
            var bias = randn(layer.OutFeatures);
            model.LoadRwkvPeftAdapter(Save([.. values, ("blocks.0.proj.bias", bias)]));
            Assert.All(values.Zip(model.AdapterParameters()), pair =>
                Assert.True(pair.First.Value.Equals(pair.Second)));
            Assert.True(layer.Bias!.Equals(bias));
        }
    }

    [Fact]
    public void RwkvPeftAdapters_ThatDoNotFit_AreNamed()
    {
        var model = new Column(12, 8, true, 4);
        var message = Assert.Throws<CheckpointException>(() => model.LoadRwkvPeftAdapter(
            Save(("blocks.0.proj.disha", randn(4, 8)), ("blocks.1.proj.disha", randn(4, 8))))).Message;
        Assert.Contains("'blocks.0.proj.disha' is [4, 8], but the model's is [3, 4, 4]", message);
        Assert.Contains("it has 'blocks.1.proj.disha', which the model has not", message);
        Assert.Contains("RWKV-PEFT has no adapter",
            Assert.Throws<InvalidOperationException>(() => new Row12To8().LoadRwkvPeftAdapter("none")).Message);
    }

    private string Save(params (string Name, Tensor Value)[] tensors)
    {
        var path = folder.File("model.pth");
        File.WriteAllBytes(path, TorchBytes.Make(tensors));
        return path;
    }
}
