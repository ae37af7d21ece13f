using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Families;

[Lora(Rank = 4, Alpha = 8)]
public sealed partial class DecoderLora(DecoderSizes sizes) : Decoder(sizes);

[Bone(BlockSize = 4)]
public sealed partial class DecoderBone(DecoderSizes sizes) : Decoder(sizes);

[Lora(Rank = 4)]
public sealed partial class Gpt2Lora(Gpt2Sizes sizes) : Gpt2(sizes);

/// <summary>Checkpoints of every family load as they are and compute what transformers computes.</summary>
public sealed class FamilyTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<ICausalModel> opened = [];
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Names => [.. FamilyCase.Names];

    // With dynamic angles, keys keep those of the length that they came at, here as in transformers.
    public static TheoryData<string> FixedNames =>
        [.. FamilyCase.Names.Where(name => name != "dynamic beyond the context")];

    private string Base => folder.File("base");

    public void Dispose()
    {
        opened.ForEach(model => model.Dispose());
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Logits_AreThoseOfTransformers(string name)
    {
        var (test, model) = Open(name);
        Assert.InRange(test.Difference(Logits(model, test.Ids)), 0, 1e-4);
    }

    [Theory]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("llama3.2")]
    [InlineData("llama with rope_parameters")]
    [InlineData("linear")]
    [InlineData("yarn")]
    [InlineData("mistral without window")]
    [InlineData("qwen2")]
    [InlineData("qwen2.5 with yarn")]
    [InlineData("qwen3")]
    [InlineData("gpt2")]
    [InlineData("phi3 with a part that turns")]
    public void Gguf_ComputesTheSameInLlamaCpp(string name)
    {
        var (test, model) = Open(name);
        model.SaveGguf(folder.File("model.gguf"), GgufType.F32);
        using var there = new Gguf.LlamaCpp(folder.File("model.gguf"));
        var logits = there.Logits(test.Ids);
        Assert.InRange(test.Difference(stack(logits.Select(row => tensor(row)))), 0, 5e-3);
    }

    [Theory]
    [InlineData("mistral", 5)]
    [InlineData("qwen2 with windows", 4)]
    [InlineData("phi3", 9)]
    public void Gguf_OfAModelWithWindows_HasTheContextOfOne(string name, int window)
    {
        var (test, model) = Open(name);
        model.SaveGguf(folder.File("model.gguf"), GgufType.F32);
        using var there = new Gguf.LlamaCpp(folder.File("model.gguf"));
        Assert.Equal(window, there.Context);
        var ids = test.Ids.Take(window).ToArray();
        var logits = stack(there.Logits(ids).Select(row => tensor(row)));
        Assert.True(logits.allclose(Logits(model, ids), 1e-3, 5e-3));
    }

    [Theory]
    [InlineData("llama with biases", "llama.cpp's llama computes silu, and this model gelu")]
    [InlineData("qwen3 with biases and layer_types", "qwen3 has nothing like 'model.layers.0.self_attn.q_proj.bias'")]
    [InlineData("gemma2", "llama.cpp's gemma2 takes query_pre_attn_scalar as 12, and this model's is 10")]
    [InlineData("dynamic within the context", "GGUF states no rope_scaling of type dynamic")]
    [InlineData("yarn with attention_factor", "GGUF states no attention_factor of yarn")]
    [InlineData("gpt2 with other options", "llama.cpp's gpt2 computes gelu_new, and this model relu")]
    public void Gguf_OfWhatLlamaCppDoesNotCompute_IsRefused(string name, string words)
    {
        var (_, model) = Open(name);
        var fault = Assert.Throws<CheckpointException>(() => model.SaveGguf(folder.File("model.gguf")));
        Assert.Contains(words, fault.Message);
        Assert.False(File.Exists(folder.File("model.gguf")));
    }

    [Theory]
    [MemberData(nameof(FixedNames))]
    public void Decoding_GivesWhatTheWholeSequenceGives(string name)
    {
        var (test, model) = Open(name);
        var whole = Logits(model, test.Ids);
        var ids = tensor(test.Ids).unsqueeze(0);
        using var decoding = model.StartDecoding(1);
        foreach (var (first, count) in new[] { (0, 3), (3, 1), (4, 1), (5, 8), (13, 1), (14, 1), (15, 5) })
        {
            var logits = decoding.Append(ids.narrow(1, first, count))[0];
            Assert.True(logits.allclose(whole[first + count - 1], 1e-4, 1e-4), $"at {first}");
        }
    }

    [Theory]
    [MemberData(nameof(FixedNames))]
    public void Generation_OfPromptsOfSeveralLengths_IsThatOfEach(string name)
    {
        var (test, model) = Open(name);
        int[][] prompts = [.. new[] { 9, 2, 14 }.Select(count => test.Ids.Take(count).Select(id => (int)id).ToArray())];
        GenerationOptions options = new(Count: 9);
        Assert.Equal(prompts.Select(prompt => Continue([prompt])[0]), Continue(prompts));

        IReadOnlyList<int[]> Continue(int[][] some) =>
            Models.Generation.Continue(model, some, options, TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void SavePretrained_WritesWhatWasLoaded(string name)
    {
        var (test, model) = Open(name);
        model.SavePretrained(folder.File("saved"));
        Assert.True(JsonNode.DeepEquals(
            test.Config, JsonNode.Parse(File.ReadAllText(folder.File("saved/config.json")))));
        using var before = SafetensorsFile.Open(folder.File("base/model.safetensors"));
        using var after = SafetensorsFile.Open(folder.File("saved/model.safetensors"));
        Assert.Equal(before.Tensors.Keys.Order(), after.Tensors.Keys.Order());
        Assert.All(before.Tensors.Keys, key =>
            Assert.Equal(before.ReadTensor(key).bytes.ToArray(), after.ReadTensor(key).bytes.ToArray()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Configuration_OfAModelThatWasNotLoaded_SaysAllThatItIs(string name)
    {
        var (test, loaded) = Open(name);
        var written = ((IPretrained)loaded).Configuration();
        using var json = JsonDocument.Parse(written.ToJsonString());
        Assert.Empty(((IPretrained)loaded).ConfigurationFaults(json.RootElement));
        File.WriteAllText(folder.File("base/config.json"), written.ToJsonString());
        using var model = CausalModel.Load(Base);
        model.Module.eval();
        Assert.Equal(loaded.Context, model.Context);
        Assert.InRange(test.Difference(Logits(model, test.Ids)), 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Adapters_OnEveryFamily_TrainSaveAndLoad(string name)
    {
        var test = FamilyCase.Of(name);
        test.Write(Base);
        var isGpt2 = (string)test.Config["model_type"]! == "gpt2";
        Func<ICausalModel>[] variants = isGpt2
            ? [() => new Gpt2Lora(Gpt2Sizes.Read(Base))]
            : [() => new DecoderLora(DecoderSizes.Read(Base)), () => new DecoderBone(DecoderSizes.Read(Base))];
        foreach (var create in variants)
        {
            using var model = create();
            model.LoadPretrained(Base);
            model.Module.eval();
            Assert.InRange(test.Difference(Logits(model, test.Ids)), 0, 1e-4);
            Step();
            Step();
            model.SaveAdapter(folder.File("adapter"));
            using var other = create();
            other.LoadPretrained(Base);
            other.LoadAdapter(folder.File("adapter"));
            other.Module.eval();
            Assert.True(Logits(model, test.Ids).Equals(Logits(other, test.Ids)));
            Assert.InRange(test.Difference(Logits(model, test.Ids)), 1e-3, 100);
            model.Merge();
            Assert.True(Logits(model, test.Ids).allclose(Logits(other, test.Ids), 1e-4, 1e-4));

            void Step()
            {
                using var pass = NewDisposeScope();
                var logits = ((nn.Module<Tensor, Tensor>)model.Module).call(tensor(test.Ids).unsqueeze(0));
                logits.square().mean().backward();
                using var noGrad = no_grad();
                foreach (var parameter in model.AdapterParameters())
                {
                    parameter.add_(parameter.grad!, alpha: -0.05);
                }
            }
        }
    }

    [Theory]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("phi3 with a part that turns")]
    [InlineData("qwen3")]
    public void VerifyAgainstEager_FindsNoDifferenceBeyondRounding(string name)
    {
        var test = FamilyCase.Of(name);
        test.Write(Base);
        using var model = new DecoderLora(DecoderSizes.Read(Base));
        model.LoadPretrained(Base);
        var difference = model.VerifyAgainstEager(tensor(test.Ids).unsqueeze(0));
        Assert.True(difference.Output < 1e-4, $"output differs by {difference.Output}");
        Assert.True(difference.LargestGradient < 1e-3, $"gradients differ by {difference.LargestGradient}");
    }

    [Theory]
    [InlineData("dynamic beyond the context")]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("phi3 with a part that turns")]
    public void Passes_LeaveNoTensorBehind(string name)
    {
        var (test, model) = Open(name);
        Pass();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var count = Tensor.TotalCount;
        Pass();
        Pass();
        Assert.InRange(Tensor.TotalCount, 0, count);

        void Pass()
        {
            using var pass = NewDisposeScope();
            Logits(model, test.Ids);
            using var decoding = model.StartDecoding(1);
            decoding.Append(tensor(test.Ids).unsqueeze(0));
            decoding.Append(tensor([1L]).unsqueeze(0));
        }
    }

    [Theory]
    [InlineData("gemma2")]
    [InlineData("qwen2")]
    public void Bfloat16_IsNearFloat32(string name)
    {
        var test = FamilyCase.Of(name);
        test.Write(Base);
        using var model = CausalModel.Load(Base, dtype: bfloat16);
        Assert.InRange(test.Difference(Logits(model, test.Ids)), 1e-4, 0.6);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("gpt2 with other options")]
    public void Gpt2_WithoutPrefixAndWithMasks_Loads(string name)
    {
        var test = FamilyCase.Of(name);
        test.Write(
            Base,
            tensor => tensor.Replace("transformer.", ""),
            [.. Enumerable.Range(0, 3).Select(layer => ($"h.{layer}.attn.bias", ones(1, 1, 64, 64).tril()))]);
        using var model = CausalModel.Load(Base);
        model.Module.eval();
        Assert.InRange(test.Difference(Logits(model, test.Ids)), 0, 1e-4);
    }

    [Theory]
    [InlineData("llama2", 64)]
    [InlineData("linear", 256)]
    [InlineData("dynamic beyond the context", 24)]
    [InlineData("qwen2.5 with yarn", 64)]
    [InlineData("llama3.2", 64)]
    [InlineData("gemma3 with rope_scaling", 64)]
    public void Context_IsWhatTheScalingOfPositionsReaches(string name, int context) =>
        Assert.Equal(context, Open(name).Model.Context);

    [Fact]
    public void Llama_WithScaledPositions_IsTheDecoder()
    {
        var test = FamilyCase.Of("llama with rope_parameters");
        test.Write(Base);
        using var model = new Models.Llama(
            23, 32, 48, 3, 4, 2, context: 64, ropeTheta: 500, tied: true, rope: new Llama3Rope(4, 1, 4, 16));
        model.LoadPretrained(Base);
        Assert.InRange(test.Difference(Logits(model, test.Ids)), 0, 1e-4);
    }

    private static Tensor Logits(ICausalModel model, long[] ids)
    {
        using var noGrad = no_grad();
        return ((nn.Module<Tensor, Tensor>)model.Module).call(tensor(ids).unsqueeze(0))[0];
    }

    private (FamilyCase Test, ICausalModel Model) Open(string name)
    {
        var test = FamilyCase.Of(name);
        test.Write(Base);
        var model = CausalModel.Load(Base);
        model.Module.eval();
        opened.Add(model);
        return (test, model);
    }
}
