using System.Text.Json.Nodes;
using Marrow.Models;
using Xunit;

namespace Marrow.Tests.Families;

/// <summary>A config.json that asks for a computation that no class has is refused, field by field.</summary>
public sealed class RefusedConfigurationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("llama2", "model_type", "\"granite\"", "model_type is 'granite' (supported: llama, mistral, qwen2")]
    [InlineData("llama2", "model_type", "null", "model_type is missing (supported: llama")]
    [InlineData("llama2", "model_type", "7", "model_type is 7, not a text")]
    [InlineData("llama2", "hidden_act", "\"relu6\"", "hidden_act is 'relu6' (supported: silu, gelu")]
    [InlineData("llama2", "quantization_config", """{"bits":4}""", """quantization_config is {"bits":4} (supported""")]
    [InlineData("llama2", "use_sliding_window", "true", "use_sliding_window is true (supported: false)")]
    [InlineData("llama2", "layer_types", """["sliding_attention"]""", "layer_types has 'sliding_attention'")]
    [InlineData("llama2", "hidden_size", "\"32\"", "hidden_size is \"32\", not a positive integer")]
    [InlineData("llama2", "hidden_size", "0", "hidden_size is 0, not a positive integer")]
    [InlineData("llama2", "hidden_size", "33", "num_attention_heads 4 does not divide hidden_size 33")]
    [InlineData("llama2", "hidden_size", "null", "hidden_size is missing")]
    [InlineData("llama2", "max_position_embeddings", "null", "max_position_embeddings is missing")]
    [InlineData("llama2", "num_key_value_heads", "3", "num_key_value_heads 3 does not divide num_attention_heads 4")]
    [InlineData("llama2", "head_dim", "7", "7 components of a head of 7 cannot turn in pairs")]
    [InlineData("llama2", "rope_theta", "0", "the base of the rotary angles is not positive")]
    [InlineData("llama2", "attention_dropout", "1.5", "attention_dropout is 1.5, not a share from 0 to below 1")]
    [InlineData("llama2", "num_hidden_layers", "1000000", "num_hidden_layers is 1000000, but the weights have ")]
    [InlineData("llama2", "rms_norm_eps", "\"x\"", "rms_norm_eps is \"x\", not a number")]
    [InlineData("llama2", "attention_bias", "1", "attention_bias is 1, not true or false")]
    [InlineData("llama2", "rope_scaling", "\"linear\"", "rope_scaling is \"linear\", not an object")]
    [InlineData("llama2", "rope_scaling", """{"type":"longrope"}""", "rope_scaling has the type 'longrope' (supported")]
    [InlineData("llama2", "rope_scaling", """{"rope_type":"mrope"}""", "rope_scaling has the type 'mrope'")]
    [InlineData("llama2", "rope_scaling", """{"type":"linear"}""", "rope_scaling has no positive factor")]
    [InlineData("llama2", "rope_scaling", """{"type":"dynamic","factor":-1}""", "rope_scaling has no positive factor")]
    [InlineData("llama2", "rope_scaling", """{"type":"llama3","factor":8}""", "has no positive low_freq_factor")]
    [InlineData("llama2", "rope_parameters", """{"rope_type":"su"}""", "rope_parameters has the type 'su'")]
    [InlineData("llama2", "partial_rotary_factor", "0.4", "3 components of a head of 8 cannot turn in pairs")]
    [InlineData("mistral", "attention_bias", "true", "attention_bias is true (supported: false)")]
    [InlineData("mistral", "layer_types", """["full_attention"]""", "layer_types has 'full_attention'")]
    [InlineData("qwen2", "layer_types", """["sliding_attention"]""", "layer_types has 'sliding_attention'")]
    [InlineData("qwen2 with windows", "layer_types", """["full_attention"]""", "layer_types has 1 items for 3 layers")]
    [InlineData(
        "qwen2 with windows", "layer_types", """["full_attention","chunked_attention","full_attention"]""",
        "layer_types has 'chunked_attention' (supported: full_attention and sliding_attention)")]
    [InlineData("gemma2", "use_bidirectional_attention", "true", "use_bidirectional_attention is true")]
    [InlineData("gemma3", "model_type", "\"gemma3\"", "model_type is 'gemma3'")]
    [InlineData(
        "gemma3", "rope_parameters",
        """{"full_attention":{"rope_type":"default"},"sliding_attention":{"rope_type":"linear","factor":2}}""",
        "rope_parameters of sliding_attention has the type linear (supported: default)")]
    [InlineData("phi3", "resid_pdrop", "0.1", "resid_pdrop is 0.1 (supported: 0")]
    [InlineData("phi3", "rope_scaling", """{"type":"linear","factor":2}""", "phi3 have the type linear")]
    [InlineData("phi3", "rope_scaling", """{"type":"longrope","short_factor":[1]}""", "has the type 'longrope'")]
    [InlineData("gpt2", "add_cross_attention", "true", "add_cross_attention is true (supported: false)")]
    [InlineData("gpt2", "n_head", "5", "n_head 5 does not divide n_embd 32")]
    [InlineData("gpt2", "activation_function", "\"swish2\"", "activation_function is 'swish2'")]
    public void Load_OfAnotherComputation_SaysTheField(string name, string field, string value, string sentence)
    {
        FamilyCase.Of(name).Write(folder.Path);
        var file = folder.File("config.json");
        var config = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(file, config.ToJsonString());
        var error = Assert.Throws<CheckpointException>(() => CausalModel.Load(folder.Path));
        Assert.StartsWith($"{file}: ", error.Message);
        Assert.Contains(sentence, error.Message);
        Assert.EndsWith("; use a checkpoint of a supported model.", error.Message);
    }

    [Fact]
    public void Load_OfAFolderWithoutConfiguration_SaysSo()
    {
        FamilyCase.Of("llama2").Write(folder.Path);
        File.Delete(folder.File("config.json"));
        Assert.Contains(
            "the folder has no config.json, and its weights are not those of an RWKV-6",
            Assert.Throws<CheckpointException>(() => CausalModel.Load(folder.Path)).Message);
    }

    [Fact]
    public void Load_OfAPointerOfGitLfs_NamesIt()
    {
        FamilyCase.Of("llama2").Write(folder.Path);
        foreach (var name in new[] { "model.safetensors", "config.json" })
        {
            File.WriteAllText(
                folder.File(name), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
            Assert.Contains(
                $"{name}: it is a pointer of Git LFS, not the file itself; fetch the file with 'git lfs pull'.",
                Assert.Throws<CheckpointException>(() => CausalModel.Load(folder.Path)).Message);
        }
    }

    [Theory]
    [InlineData("rope_scaling", """{"rope_type":"default"}""")]
    [InlineData("rope_scaling", """{"type":"default","rope_theta":10000.0}""")]
    [InlineData("rope_scaling", "{}")]
    [InlineData("rope_parameters", """{"rope_type":"default","rope_theta":10000.0}""")]
    [InlineData("sliding_window", "4")]
    [InlineData("pretraining_tp", "2")]
    [InlineData("layer_types", """["full_attention","full_attention","full_attention"]""")]
    public void Load_OfAHarmlessField_ComputesTheSame(string field, string value)
    {
        var test = FamilyCase.Of("llama2");
        test.Write(folder.Path);
        var config = test.Config.DeepClone().AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        using var model = CausalModel.Load(folder.Path);
        using var noGrad = TorchSharp.torch.no_grad();
        var ids = TorchSharp.torch.tensor(test.Ids).unsqueeze(0);
        Assert.InRange(test.Difference(((Decoder)model).call(ids)[0]), 0, 1e-4);
    }

    [Theory]
    [InlineData("mistral", "sliding_window is 5, but the model's is 0")]
    [InlineData("llama3.2", "rope_scaling is {\"rope_type\":\"llama3\"")]
    [InlineData("qwen2", "bias of queries, keys and values is true, but the model's is false")]
    [InlineData("gemma2", "norms behind attention and MLP is true, but the model's is false")]
    public void LoadPretrained_IntoAnotherClass_SaysWhatDiffers(string name, string sentence)
    {
        FamilyCase.Of(name).Write(folder.Path);
        using var model = new Models.Llama(23, 32, 48, 3, 4, 2, context: 64);
        var error = Assert.Throws<CheckpointException>(() => model.LoadPretrained(folder.Path));
        Assert.Contains(sentence, error.Message);
    }
}
