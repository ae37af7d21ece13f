using System.Text.Json;
using Marrow.Models;
using Marrow.Tests.Tool.Harness;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Tool;

/// <summary><c>marrow scaffold</c>: its classes compile, and load what they were made of.</summary>
public sealed class ScaffoldTests
{
    /// <summary>Fields of a configuration, and what they become; LORA of rank 4 where they do not say.</summary>
    public static TheoryData<string, string> Adapters => new()
    {
        { """ "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"] """, "*.q_proj|*.v_proj" },
        { """ "target_modules": "all-linear" """, "[Lora(Rank = 4)]" },
        { """ "target_modules": ["self_attn.q_proj", "layers.1.mlp.up_proj"] """, "*.q_proj|*.1.mlp.up_proj" },
        { """ "use_rslora": true, "target_modules": ".*layers\\.[02]\\..*(q|o)_proj" """, "RankStabilized = true" },
        {
            """
            "use_dora": true, "target_modules": ["o_proj", "down_proj"], "exclude_modules": ["layers.0.mlp.down_proj"]
            """,
            "[Dora(Rank = 4"
        },
        {
            """
            "target_modules": ["q_proj", "k_proj"], "rank_pattern": { "k_proj": 2 },
            "alpha_pattern": { "layers.1.self_attn.q_proj": 5 }
            """,
            "Rank = 2"
        },
        {
            """
            "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            "layers_to_transform": [1]
            """,
            "model.layers.1.*"
        },
        { """ "target_modules": ["q_proj"], "modules_to_save": ["lm_head", "norm"] """, "Train = " },
        { """ "target_modules": ["q_proj"], "bias": "all" """, "Bias = AdapterBias.All" },
        { """ "target_modules": ["q_proj"], "bias": "lora_only" """, "Bias = AdapterBias.Adapted" },
        { """ "target_modules": ["embed_tokens", "q_proj"] """, "*.embed_tokens" },
        {
            """ "peft_type": "MISS", "r": 8, "init_weights": true, "target_modules": ["q_proj", "gate_proj"] """,
            "Form = BoneForm.Free"
        },
        {
            """ "peft_type": "MISS", "r": 8, "init_weights": "mini", "mini_r": 4, "target_modules": "all-linear" """,
            "MiniRank = 4"
        },
        {
            """ "peft_type": "BONE", "r": 16, "init_weights": "bat", "target_modules": "all-linear" """,
            "[Bone(BlockSize = 16)]"
        },
    };

    [Theory]
    [MemberData(nameof(Adapters))]
    public void Adapter_LoadsIntoItsClass_WithEqualLogits(string fields, string part)
    {
        using var tiny = new TinyModel();
        var method = fields.Contains("peft_type") ? "" : """ "peft_type": "LORA", "r": 4, """;
        var alpha = fields.Contains("lora_alpha") ? "" : """ "lora_alpha": 4, """;
        var adapter = tiny.Adapter($"{{ {method} {alpha} {fields} }}");
        var text = Call.Succeeds("scaffold", tiny.Path, "--adapter", adapter);
        Assert.Contains(part, text);

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var ids = tensor(new long[,] { { 1, 7, 3, 30, 2 } });
        using var scaffolded = CompiledModel.Create(text);
        scaffolded.LoadPretrained(tiny.Path);
        scaffolded.LoadAdapter(adapter);
        using var plain = CausalModel.Load(tiny.Path);
        var before = Logits(plain, ids);
        plain.LoadAdapter(adapter);
        Assert.True(Logits(scaffolded, ids).allclose(Logits(plain, ids), 1e-5, 1e-5));
        Assert.False(before.allclose(Logits(plain, ids), 1e-3, 1e-3));
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("miss")]
    [InlineData("bone_bat")]
    public void RealAdapter_LoadsIntoItsClass(string name)
    {
        var (model, adapter) = (
            SharedData.Require("data/weights/babyllama105-hf"), SharedData.Require($"data/adapters/{name}"));
        using var scaffolded = CompiledModel.Create(Call.Succeeds("scaffold", model, "--adapter", adapter));
        scaffolded.LoadPretrained(model);
        scaffolded.LoadAdapter(adapter);
    }

    [Fact]
    public void WhatTheAttributesCannotSay_IsNamed()
    {
        using var tiny = new TinyModel(new(40, 32, 48, 2, 4, 2, Context: 64, Tied: true));
        var adapter = tiny.Adapter(
            """{ "peft_type": "LORA", "r": 2, "target_modules": ["q_proj"], "layer_replication": [[0, 2]] }""");
        File.WriteAllText(
            Path.Combine(adapter, "adapter_config.json"),
            """
            { "peft_type": "LORA", "r": 2, "target_modules": ["q_proj", "lm_head"], "layer_replication": [[0, 2]] }
            """);
        var call = Call.Run("scaffold", tiny.Path, "--adapter", adapter);
        Assert.Equal(0, call.Code);
        foreach (var text in new[] { "layer_replication", "'lm_head' apart from the embedding" })
        {
            Assert.Contains(text, call.Error);
            Assert.Contains(text, call.Output);
        }

        CompiledModel.Create(call.Output).Dispose();
    }

    /// <summary>Every family of language models that loads, with the names and shapes of its checkpoint.</summary>
    public static TheoryData<string, string> Families
    {
        get
        {
            using var stream = typeof(ScaffoldTests).Assembly.GetManifestResourceStream("families.json")!;
            using var json = JsonDocument.Parse(stream);
            var data = new TheoryData<string, string>();
            foreach (var family in json.RootElement.EnumerateArray())
            {
                data.Add(family.GetProperty("name").GetString()!, family.GetProperty("config").GetRawText());
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Family_GivesAClassThatHasItsConfiguration(string name, string configuration)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), configuration);
        using var shapes = Construction.On(META);
        using var scaffolded = CompiledModel.Create(Call.Succeeds("scaffold", folder.Path));
        using var plain = CausalModel.Create(folder.Path);
        using var stated = JsonDocument.Parse(configuration);
        Assert.Empty(((IPretrained)scaffolded).ConfigurationFaults(stated.RootElement));
        Assert.Equal(Shapes(plain), Shapes(scaffolded));
        Assert.NotEmpty(name);
    }

    public static TheoryData<string, string> Configurations => new()
    {
        {
            """
            { "model_type": "llama", "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192,
              "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
              "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
              "tie_word_embeddings": true, "rope_scaling": { "rope_type": "llama3", "factor": 32.0,
              "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192 } }
            """,
            "rope: new Llama3Rope("
        },
        {
            """
            { "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024, "intermediate_size": 3072,
              "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
              "max_position_embeddings": 40960, "rms_norm_eps": 1e-06, "rope_theta": 1000000,
              "tie_word_embeddings": true }
            """,
            "QkNorms: true"
        },
        {
            """
            { "model_type": "gemma3_text", "vocab_size": 262144, "hidden_size": 640, "intermediate_size": 2048,
              "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256,
              "max_position_embeddings": 32768, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
              "rope_local_base_freq": 10000.0, "sliding_window": 512, "query_pre_attn_scalar": 256 }
            """,
            "Activation: Activation.GeluTanh"
        },
        {
            """
            { "model_type": "gpt2", "vocab_size": 50257, "n_embd": 768, "n_layer": 12, "n_head": 12,
              "n_positions": 1024, "resid_pdrop": 0.05 }
            """,
            "ResidualDropout: 0.05"
        },
    };

    [Theory]
    [MemberData(nameof(Configurations))]
    public void Configuration_GivesAClassOfItsSizes(string configuration, string part)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("config.json"), configuration);
        var text = Call.Succeeds("scaffold", folder.Path, "--method", "lora", "--name", "Scaffolded");
        Assert.Contains(part, text);
        using var shapes = Construction.On(META);
        using var scaffolded = CompiledModel.Create(text);
        using var plain = CausalModel.Create(folder.Path);
        Assert.Equal(Shapes(plain), Shapes(scaffolded));
    }

    [Fact]
    public void File_IsWrittenOnce()
    {
        using var tiny = new TinyModel();
        using var folder = new TemporaryFolder();
        var file = folder.File("Model.cs");
        Call.Succeeds(
            "scaffold", tiny.Path, "--method", "bone", "--block-size", "16", "-o", file, "--namespace", "Mine");
        var text = File.ReadAllText(file);
        Assert.Contains("namespace Mine;", text);
        Assert.Contains("class TinyModelBone()", text);
        Assert.Contains("it is there already", Call.Fails("scaffold", tiny.Path, "-o", file));
        Assert.Equal(text, File.ReadAllText(file));
        Call.Succeeds("scaffold", tiny.Path, "-o", file, "--force");
    }

    [Theory]
    [InlineData("did you mean 'bone'?", "--method", "bnoe")]
    [InlineData("--rank means nothing to the method bone", "--method", "bone", "--rank", "4")]
    [InlineData("--rank must be a whole number of at least 1, not '0'", "--method", "lora", "--rank", "0")]
    [InlineData("both say what the adapters are", "--method", "lora", "--adapter", "x")]
    [InlineData("adapter_config.json", "--adapter", "/nope")]
    [InlineData("no name of a class", "--name", "1 model")]
    [InlineData("no name of a namespace", "--namespace", "a b")]
    [InlineData("it cannot be written", "--output", "/nope/Model.cs")]
    public void WrongOptions_GetOneSentence(string part, params string[] options)
    {
        using var tiny = new TinyModel();
        Assert.Contains(part, Call.Fails(["scaffold", tiny.Path, .. options]));
    }

    private static Dictionary<string, string> Shapes(IModel model) => model.Module.state_dict()
        .Where(pair => !pair.Key.Contains("lora_", StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key, pair => string.Join(',', pair.Value.shape));

    private static Tensor Logits(IModel model, Tensor ids)
    {
        model.Module.eval();
        return ((nn.Module<Tensor, Tensor>)model.Module).call(ids);
    }
}
