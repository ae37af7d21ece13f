using System.Text;
using System.Text.Json;
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
    [InlineData("cos\nsystem\n(X\u0004\0\0\0echotR.", "'os.system', and only tensors are read (nothing was run)")]
    [InlineData("}X\u0001\0\0\0acposix\nsystem\n(X\u0004\0\0\0echotRs.", "'posix.system', and only tensors")]
    [InlineData("}X\u0001\0\0\0a](cbuiltins\neval\nX\u0001\0\0\0x\u0085Res.", "'builtins.eval', and only tensors")]
    [InlineData("(S'x'\nios\npopen\n.", "'os.popen', and only tensors are read")]
    [InlineData("}X\u0001\0\0\0acos._wrap\nclose\n)\u0081s.", "'os._wrap.close', and only tensors are read")]
    [InlineData("cbuiltins\neval\nq\0.", "names no tensor")]
    [InlineData("cbuiltins\nobject\n)\u0081.", "it holds an object, 'builtins.object', and not tensors by name")]
    [InlineData("ctorchvision.models\nResNet\n)\u0081}b.", "it holds an object, 'torchvision.models.ResNet'")]
    [InlineData("}X\u0005\0\0\0epochK\u0003s.", "names no tensor")]
    [InlineData("\u0080\u0009.", "protocol 9 is not known")]
    [InlineData("\u0082\u0001.", "operation 0x82 is not one that data needs")]
    [InlineData("X\u00ff\u00ff\u00ff\u007f.", "ends in the middle")]
    [InlineData("h\u0005.", "recalls 5")]
    [InlineData("", "ends in the middle")]
    public void Pickle_OfMoreThanTensors_IsRefusedAndNothingRuns(string pickle, string words) =>
        Assert.Contains(words, Assert.Throws<CheckpointException>(() => CheckpointFile.Open(Archive(pickle))).Message);

    /// <summary>A dictionary of ten that are each other's tenfold, ten levels deep.</summary>
    [Fact]
    public void Pickle_ThatNamesOneThingTooOften_IsRefused()
    {
        var pickle = new StringBuilder("}q\0");
        for (var level = 0; level < 20; level++)
        {
            pickle.Append("}(");
            for (var i = 0; i < 10; i++)
            {
                pickle.Append($"I{i}\ng{level}\n");
            }

            pickle.Append($"up{level + 1}\n");
        }

        Assert.Contains("members", Assert.Throws<CheckpointException>(() =>
            CheckpointFile.Open(Archive(pickle.Append('.').ToString()))).Message);
    }

    /// <summary>Python's pickle made them, with counters, arguments, numpy's scalars and an optimizer.</summary>
    [Theory]
    [InlineData("zip2.pth")]
    [InlineData("zip4.pth")]
    [InlineData("legacy2.pth")]
    [InlineData("legacy4.pth")]
    public void Weights_AreFoundAmongWhatATrainingSaves(string name)
    {
        using var file = CheckpointFile.Open(Made(name));
        Assert.Equal(["fc.turned", "fc.weight", "steps"], file.Tensors.Keys.Order());
        Assert.Equal([1, 1.5f, 2, 2.5f, 3, 3.5f], file.ReadTensor("fc.weight").data<float>().ToArray());
        Assert.Equal([2L, 3], file.Tensors["fc.weight"].Shape);
        Assert.Equal([0, 1, 0.5f, 1.5f], file.ReadTensor("fc.turned").data<float>().ToArray());
        Assert.Equal([7, -1], file.ReadTensor("steps").data<long>().ToArray());
        Assert.Equal(
            "the tensors below 'model' are taken; 'epoch', 'args' (argparse.Namespace), "
                + "'best' (numpy.core.multiarray.scalar), 'milestones' (collections.Counter), 'history' and 7 more are "
                + "left aside",
            file.Note);
    }

    [Theory]
    [InlineData("state_dict", "", "")]
    [InlineData("model", "module.", "")]
    [InlineData("model_ema", "_orig_mod.", "")]
    [InlineData("model_state_dict", "", "epoch")]
    public void Model_LoadsWhatLiesBelowAName_AndSaysWhatItLeaves(string name, string prefix, string beside)
    {
        var plain = new OneLinear(12, 8, true);
        var path = folder.File("training.pth");
        File.WriteAllBytes(path, TorchBytes.Make(
            plain.named_parameters().Select(pair => (prefix + pair.name, (Tensor)pair.parameter)), name, beside));
        var (model, notes) = (new OneLinear(12, 8, true), new List<string>());
        model.LoadPretrained(path, note: notes.Add);
        Assert.True(model.Layer.Weight.Equals(plain.Layer.Weight));
        Assert.Equal(
            $"{path}: the tensors below '{name}' are taken{(beside.Length > 0 ? $"; '{beside}' is left aside" : "")}.",
            Assert.Single(notes));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Folder_OfPytorchModelBin_Loads(bool isSharded)
    {
        var plain = new OneLinear(12, 8, true);
        var tensors = plain.named_parameters().Select(pair => (pair.name, (Tensor)pair.parameter)).ToList();
        if (isSharded)
        {
            var places = tensors.Select((pair, i) => (pair.name, File: $"pytorch_model-{i}.bin")).ToList();
            foreach (var (tensor, place) in tensors.Zip(places))
            {
                File.WriteAllBytes(folder.File(place.File), TorchBytes.Make([tensor]));
            }

            File.WriteAllText(
                folder.File("pytorch_model.bin.index.json"),
                JsonSerializer.Serialize(new { weight_map = places.ToDictionary(p => p.name, p => p.File) }));
        }
        else
        {
            File.WriteAllBytes(folder.File("pytorch_model.bin"), TorchBytes.Make(tensors));
        }

        var model = new OneLinear(12, 8, true);
        model.LoadPretrained(folder.Path);
        Assert.True(model.Layer.Weight.Equals(plain.Layer.Weight));
    }

    [Fact]
    public void FileThatIsNoCheckpoint_SaysSo()
    {
        var path = folder.File("weights.pkl");
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes("\u0080\u0002}q\0X\u0001\0\0\0aNs."));
        Assert.Contains("it is a pickle, but torch.save did not write it",
            Assert.Throws<CheckpointException>(() => CheckpointFile.Open(path)).Message);
        Assert.Contains("holds neither model.safetensors nor pytorch_model.bin",
            Assert.Throws<CheckpointException>(() => new OneLinear(12, 8, true).LoadPretrained(folder.Path)).Message);
    }

    /// <summary>Its header has 640 bytes: 0x80, 2, and zeros.</summary>
    [Fact]
    public void SafetensorsFile_ThatBeginsLikeAPickle_IsNone()
    {
        var path = folder.File("model.safetensors");
        SafetensorsWriter.Write(path, [("a", ones(2))]);
        var bytes = File.ReadAllBytes(path);
        var length = (int)BitConverter.ToInt64(bytes);
        byte[] padded =
        [
            .. BitConverter.GetBytes(640L), .. bytes.AsSpan(8, length), .. Enumerable.Repeat((byte)' ', 640 - length),
            .. bytes.AsSpan(8 + length),
        ];
        File.WriteAllBytes(path, padded);
        using var file = CheckpointFile.Open(path);
        Assert.Equal([1, 1], file.ReadTensor("a").data<float>().ToArray());
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

    private string Made(string name)
    {
        var path = folder.File(name);
        File.WriteAllBytes(path, TorchBytes.Made(name));
        return path;
    }

    private string Archive(string pickle)
    {
        var path = folder.File("hostile.pth");
        using var archive = System.IO.Compression.ZipFile.Open(path, System.IO.Compression.ZipArchiveMode.Create);
        using var entry = archive.CreateEntry(
            "archive/data.pkl", System.IO.Compression.CompressionLevel.NoCompression).Open();
        entry.Write(Encoding.Latin1.GetBytes(pickle));
        return path;
    }

    private string Save(params (string Name, Tensor Value)[] tensors)
    {
        var path = folder.File("model.pth");
        File.WriteAllBytes(path, TorchBytes.Make(tensors));
        return path;
    }
}
