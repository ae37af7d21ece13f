using System.Text.Json;
using Marrow.Checkpoints;
using Marrow.Checkpoints.Gguf;
using Marrow.Models;
using Marrow.Tokenizers;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Gguf;

[Lora(Rank = 4, Alpha = 8, RankStabilized = true)]
public sealed partial class GgufLora() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

[Lora(Rank = 4, Alpha = 8, Init = LoraInit.Pissa)]
public sealed partial class GgufPissa() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

[Bone(BlockSize = 12, Form = BoneForm.Free)]
public sealed partial class GgufBoneFree() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

[Bone(BlockSize = 8, Form = BoneForm.Mini, MiniRank = 16)]
public sealed partial class GgufBoneMini() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

[Bone(BlockSize = 16)]
public sealed partial class GgufBoneRow() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

[Quantize(Bits = 2)]
public sealed partial class GgufTwoBits() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

[Quantize(Bits = 4, Activations = 4)]
public sealed partial class GgufActive() : Models.Llama(40, 64, 96, 2, 4, 2, context: 64);

/// <summary>GGUF files in llama.cpp: logits, greedy ids and tokens.</summary>
public sealed class GgufTests
{
    private static readonly long[] Ids = [1, 5, 7, 39, 12, 3, 22, 22, 8, 0, 17];

    [Theory]
    [InlineData(GgufType.F32, 2e-4)]
    [InlineData(GgufType.F16, 2e-2)]
    [InlineData(GgufType.BF16, 5e-2)]
    [InlineData(GgufType.Q8_0, 5e-2)]
    [InlineData(GgufType.Q4_0, 1.5)]
    public void Model_ComputesTheSameThere(GgufType type, double tolerance)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new Models.Llama(40, 64, 96, 2, 4, 2, context: 64);
        Disturb(model, model.named_parameters());
        model.SaveGguf(folder.File("m.gguf"), type);
        using var there = new LlamaCpp(folder.File("m.gguf"));
        AssertSame(model, there, tolerance);

        // Read again, it computes what llama.cpp computes.
        using var again = new Models.Llama(40, 64, 96, 2, 4, 2, context: 64);
        again.LoadPretrained(folder.File("m.gguf"));
        AssertSame(again, there, type is GgufType.F32 or GgufType.F16 ? 5e-3 : 5e-2);
    }

    [Theory]
    [InlineData("babyllama105-hf")]
    [InlineData("aidreams260k-hf")]
    public void RealModel_WithItsTokenizer_GivesTheSameLogitsIdsAndTokens(string name)
    {
        var source = SharedData.Require($"data/weights/{name}");
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = (Decoder)CausalModel.Load(source);
        model.SaveGguf(folder.File("m.gguf"), GgufType.F32);
        using var there = new LlamaCpp(folder.File("m.gguf"));
        using var tokenizer = Tokenizer.Load(source);

        // Without byte fallback, llama.cpp ends the process at a character that no piece has.
        foreach (var text in new[] { "Once upon a time", "there was a little girl", "she said", "" })
        {
            Assert.Equal(tokenizer.Encode(text), there.Tokenize(text, addBegin: true));
        }

        AssertSame(model, there, 5e-3, [.. tokenizer.Encode("Once upon a time there was").Select(id => (long)id)]);
    }

    [Theory]
    [InlineData("llama3_1", "llama-bpe")]
    [InlineData("qwen3", "qwen2")]
    public void BytePairTokenizer_GivesTheSameTokensThere(string name, string cut)
    {
        var source = SharedData.Require($"data/tokenizers/{name}");
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var tokenizer = Tokenizer.Load(source);
        var size = (tokenizer.VocabularySize + 255) / 256 * 256;
        using var model = new Models.Llama(size, 32, 32, 1, 1, 1, context: 64);
        model.SaveGguf(folder.File("m.gguf"), GgufType.Q4_0, source);
        using var file = GgufFile.Open(folder.File("m.gguf"));
        Assert.Equal(cut, file.Metadata["tokenizer.ggml.pre"]);
        using var there = new LlamaCpp(folder.File("m.gguf"));
        foreach (var line in File.ReadLines(Path.Combine(source, "cases.jsonl")))
        {
            using var json = JsonDocument.Parse(line);
            var text = json.RootElement.GetProperty("text").GetString()!;
            var ids = tokenizer.Encode(text, addBegin: false);
            if (text.Contains('\0') || text.Contains("</s>") || tokenizer.Decode(ids, keepSpecial: true) != text)
            {
                continue; // where its texts end, what it takes for an end whatever the kind, and what is normalized
            }

            Assert.Equal(ids, there.Tokenize(text, addBegin: false));
        }
    }

    [Theory]
    [InlineData("gemma2", """
        "attn_logit_softcapping":5.0,"final_logit_softcapping":7.0,"query_pre_attn_scalar":16,"sliding_window":5
        """)]
    [InlineData("gemma3_text", """
        "rope_theta":1000000.0,"rope_local_base_freq":10000.0,"sliding_window_pattern":6,"query_pre_attn_scalar":16,
        "sliding_window":5
        """)]
    public void Gemma_WithItsWindowsAndCaps_ComputesTheSameThere(string type, string fields)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        File.WriteAllText(folder.File("config.json"), $$"""
            {"model_type":"{{type}}","vocab_size":40,"hidden_size":32,"intermediate_size":48,"num_hidden_layers":7,
             "num_attention_heads":4,"num_key_value_heads":2,"head_dim":16,"max_position_embeddings":64,
             "rms_norm_eps":1e-6,"hidden_activation":"gelu_pytorch_tanh",{{fields}}}
            """);
        using var model = new Decoder(DecoderSizes.Read(folder.Path));
        Disturb(model, model.named_parameters());
        model.SaveGguf(folder.File("m.gguf"), GgufType.F32);
        using var there = new LlamaCpp(folder.File("m.gguf"));
        AssertSame(model, there, 9e-3); // its GELU is a table in half precision
    }

    /// <summary>PEFT trains a copy of the head, which has no place of its own in the base.</summary>
    [Fact]
    public void HeadThatAnAdapterTrainedApart_IsSavedWithAWeightOfItsOwn()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new Models.Llama(40, 64, 96, 2, 4, 2, context: 64, tied: true);
        Disturb(model, model.named_parameters());
        Directory.CreateDirectory(folder.File("adapter"));
        File.WriteAllText(folder.File("adapter/adapter_config.json"), """
            {"peft_type":"LORA","r":2,"lora_alpha":2,"target_modules":["embed_tokens"],"modules_to_save":["lm_head"]}
            """);
        SafetensorsWriter.Write(folder.File("adapter/adapter_model.safetensors"),
        [
            ("base_model.model.model.embed_tokens.lora_embedding_A", randn(2, 40)),
            ("base_model.model.model.embed_tokens.lora_embedding_B", randn(64, 2)),
            ("base_model.model.lm_head.weight", randn(40, 64)),
        ]);
        model.LoadAdapter(folder.File("adapter"));
        model.Merge();
        model.SaveGguf(folder.File("m.gguf"), GgufType.F32);
        using var there = new LlamaCpp(folder.File("m.gguf"));
        AssertSame(model, there, 2e-3);
        model.SavePretrained(folder.File("merged"));
        using var again = (Decoder)CausalModel.Load(folder.File("merged"));
        AssertSame(again, there, 2e-3);
    }

    [Fact]
    public void Llama31_FrequenciesAreStated()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using (var model = new Models.Llama(40, 64, 96, 1, 4, 2, context: 64))
        {
            model.SavePretrained(folder.File("base"));
        }

        var sizes = new GgufSizes(
            GgufArchitecture.Of(Config("llama")), Config("llama", """
            {"head_dim":16,"rope_theta":500000,"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,
             "high_freq_factor":4,"original_max_position_embeddings":8192}}
            """));
        var factors = sizes.RopeFactors()!;
        Assert.Equal((8, 1f, 8f), (factors.Length, factors[0], factors[^1]));
        Assert.Contains(factors, factor => factor is > 1.01f and < 7.9f);
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("pissa")]
    [InlineData("free")]
    [InlineData("mini")]
    public void Adapter_OnItsBase_ComputesTheSameThere(string method)
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var plain = new Models.Llama(40, 64, 96, 2, 4, 2, context: 64);
        Disturb(plain, plain.named_parameters());
        plain.SaveGguf(folder.File("base.gguf"), GgufType.F32);
        plain.SavePretrained(folder.File("base"));
        using Models.Llama model = method switch
        {
            "lora" => new GgufLora(),
            "pissa" => new GgufPissa(),
            "free" => new GgufBoneFree(),
            _ => new GgufBoneMini(),
        };
        model.LoadPretrained(folder.File("base"));
        Disturb(model, model.named_parameters().Where(pair => pair.parameter.requires_grad));
        model.SaveGgufAdapter(folder.File("adapter.gguf"));
        using var there = new LlamaCpp(folder.File("base.gguf"), folder.File("adapter.gguf"));
        AssertSame(model, there, 2e-3);
        Assert.Throws<Xunit.Sdk.TrueException>(() => AssertSame(plain, there, 0.05)); // it does change something

        // Merged it is the same.
        model.Merge();
        model.SaveGguf(folder.File("merged.gguf"), GgufType.F32);
        using var merged = new LlamaCpp(folder.File("merged.gguf"));
        AssertSame(model, merged, 2e-3);
    }

    [Fact]
    public void TwoBits_FitFourBitLevels()
    {
        using var folder = new TemporaryFolder();
        using var scope = NewDisposeScope();
        using var model = new GgufTwoBits();
        Disturb(model, model.named_parameters());
        model.eval();
        model.SaveGguf(folder.File("m.gguf"), GgufType.Q4_0);
        var weight = model.QuantizedWeights().First(weight => weight.Name.EndsWith("0.mlp.up_proj.weight"));
        using var file = GgufFile.Open(folder.File("m.gguf"));
        var difference = (file.Read("blk.0.ffn_up.weight") - weight.Quantized()).abs().max().item<float>();
        Assert.InRange(difference, 0, 1e-3 * weight.Quantized().abs().max().item<float>());
    }

    [Fact]
    public void WhatGgufCannotState_IsNamed_AndNothingIsWritten()
    {
        using var folder = new TemporaryFolder();
        using var row = new GgufBoneRow();
        using var active = new GgufActive();
        Says("merge it, and save the model with SaveGguf", () => row.SaveGgufAdapter(folder.File("a.gguf")));
        Says("quantizes its input too, which GGUF cannot state", () => active.SaveGguf(folder.File("a.gguf")));
        using var plain = new Models.Llama(40, 64, 96, 1, 4, 2);
        Says("Llama has no adapter", () => plain.SaveGgufAdapter(folder.File("a.gguf")));
        Assert.Empty(Directory.GetFiles(folder.Path));
        Assert.Contains("knows llama", Assert.Throws<NotSupportedException>(() =>
            GgufArchitecture.Of(Config("bloom"))).Message);

        static void Says(string words, Action save) =>
            Assert.Contains(words, Assert.Throws<CheckpointException>(save).Message);
    }

    [Fact]
    public void DamagedFiles_AreRefused()
    {
        using var folder = new TemporaryFolder();
        using var model = new Models.Llama(40, 32, 32, 1, 1, 1);
        model.SaveGguf(folder.File("m.gguf"), GgufType.Q8_0);
        var good = File.ReadAllBytes(folder.File("m.gguf"));
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var bytes = good.ToArray();
            if (i % 3 == 0)
            {
                bytes = bytes[..random.Next(4, bytes.Length)];
            }
            else
            {
                bytes[random.Next(4, 3000)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(folder.File("bad.gguf"), bytes);
            try
            {
                model.LoadPretrained(folder.File("bad.gguf"));
            }
            catch (CheckpointException)
            {
                // One sentence; another exception, or none at all over values that changed, is not asked for.
            }
        }
    }

    private static System.Text.Json.Nodes.JsonObject Config(string type, string fields = "{}")
    {
        var config = System.Text.Json.Nodes.JsonNode.Parse(fields)!.AsObject();
        config["model_type"] = type;
        return config;
    }

    private static void AssertSame(ICausalModel model, LlamaCpp there, double tolerance, long[]? ids = null)
    {
        ids ??= Ids;
        using var noGrad = no_grad();
        model.Module.eval();
        var here = ((nn.Module<Tensor, Tensor>)model.Module).call(tensor(ids).unsqueeze(0))[0];
        var logits = there.Logits(ids);
        for (var i = 0; i < ids.Length; i++)
        {
            var difference = (here[i] - tensor(logits[i])).abs().max().item<float>();
            Assert.True(difference <= tolerance, $"position {i} differs by {difference}");
            if (tolerance < 1e-2)
            {
                Assert.Equal(here[i].argmax().item<long>(), Array.IndexOf(logits[i], logits[i].Max()));
            }
        }
    }

    private static void Disturb(IModel model, IEnumerable<(string Name, TorchSharp.Modules.Parameter Value)> parameters)
    {
        using var noGrad = no_grad();
        manual_seed(3);
        foreach (var (name, value) in parameters)
        {
            value.add_(randn_like(value) * (name.Contains("norm") ? 0.3 : 0.08));
        }
    }
}
