using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Models;
using Marrow.Tokenizers;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>The model that every method starts from.</summary>
/// <param name="Path">Where its weights are.</param>
/// <param name="Tokenizer">Its own.</param>
/// <param name="Context">Its longest sequence, or null.</param>
internal abstract record BaseModel(string Path, Tokenizer Tokenizer, int? Context)
{
    /// <summary>
    /// A base that is there: a folder of Hugging Face's with a decoder or a GPT-2, or an RWKV-6 as .pth or safetensors.
    /// </summary>
    public static BaseModel Open(string path)
    {
        return ModelType(path) switch
        {
            null => new Rwkv6Base(path, TokenizerBeside(path), Rwkv6Sizes.Read(path)),
            "gpt2" => new Gpt2Base(path, TokenizerBeside(path), Gpt2Sizes.Read(path)),
            _ => new DecoderBase(path, TokenizerBeside(path), DecoderSizes.Read(path)),
        };
    }

    /// <summary>
    /// A fresh model of a method: built as shapes only, then given the base's weights, so that nothing is initialized
    /// twice. The seed decides the adapters' starting values.
    /// </summary>
    public ICausalModel Create(Method method, int block, int seed, Device device)
    {
        manual_seed(seed);
        try
        {
            using var shapes = Construction.On(META);
            var model = Build(method, new(block, EqualRank(block)));
            model.LoadPretrained(Path, device);
            return model;
        }
        catch (ArgumentException fault)
        {
            throw new UserException($"{method.Name} does not fit this base: {fault.Message}", fault);
        }
    }

    private protected abstract ICausalModel Build(Method method, Size size);

    /// <summary>What the folder's config.json says; null: there is none, as RWKV has it.</summary>
    private static string? ModelType(string path)
    {
        var file = System.IO.Path.Combine(path, "config.json");
        try
        {
            return File.Exists(file) ? JsonNode.Parse(File.ReadAllText(file))?["model_type"]?.ToString() ?? "" : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return ""; // what reads the sizes says what is wrong
        }
    }

    private static Tokenizer TokenizerBeside(string path) =>
        Tokenizer.Load(File.Exists(path) ? System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))! : path);

    /// <summary>The rank at which LoRA has about as many parameters as Bone free has with this block size.</summary>
    private int EqualRank(int block)
    {
        using var bone = Build(Method.All.Single(method => method.Name == "bone-free"), new(block, 1));
        using var lora = Build(Method.All.Single(method => method.Name == "lora"), new(block, 1));
        return Math.Max(1, (int)Math.Round((double)Method.Trainable(bone) / Method.Trainable(lora)));
    }
}

/// <summary>A decoder.</summary>
internal sealed record DecoderBase(string Path, Tokenizer Tokenizer, DecoderSizes Sizes)
    : BaseModel(Path, Tokenizer, Sizes.Context)
{
    private protected override ICausalModel Build(Method method, Size size) => method.Decoder(Sizes, size);
}

/// <summary>A GPT-2.</summary>
internal sealed record Gpt2Base(string Path, Tokenizer Tokenizer, Gpt2Sizes Sizes)
    : BaseModel(Path, Tokenizer, Sizes.Context)
{
    private protected override ICausalModel Build(Method method, Size size) => method.Gpt2(Sizes, size);
}

/// <summary>An RWKV-6.</summary>
internal sealed record Rwkv6Base(string Path, Tokenizer Tokenizer, Rwkv6Sizes Sizes)
    : BaseModel(Path, Tokenizer, Context: null)
{
    private protected override ICausalModel Build(Method method, Size size) => method.Rwkv6(Sizes, size);
}
