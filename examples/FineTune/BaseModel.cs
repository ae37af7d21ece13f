using Marrow.Models;
using Marrow.Tokenizers;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>The model that every method starts from.</summary>
/// <param name="Path">Where its weights are.</param>
/// <param name="Tokenizer">Its own.</param>
/// <param name="Vocabulary">How many ids it knows.</param>
/// <param name="Context">Its longest sequence, or null.</param>
internal abstract record BaseModel(string Path, Tokenizer Tokenizer, int Vocabulary, int? Context)
{
    /// <summary>A base that is there: a LLaMA in Hugging Face's form, or an RWKV-6 as .pth or safetensors.</summary>
    public static BaseModel Open(string path, bool isRwkv)
    {
        BaseModel model = isRwkv
            ? new Rwkv6Base(path, TokenizerBeside(path), Rwkv6Sizes.Read(path))
            : new LlamaBase(path, TokenizerBeside(path), LlamaSizes.Read(path));
        return model.Tokenizer.VocabularySize <= model.Vocabulary
            ? model
            : throw new UserException(
                $"{path}: its tokenizer has {model.Tokenizer.VocabularySize} ids, but its model only "
                + $"{model.Vocabulary}.");
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

/// <summary>A LLaMA.</summary>
internal sealed record LlamaBase(string Path, Tokenizer Tokenizer, LlamaSizes Sizes)
    : BaseModel(Path, Tokenizer, Sizes.Vocabulary, Sizes.Context)
{
    private protected override ICausalModel Build(Method method, Size size) => method.Llama(Sizes, size);
}

/// <summary>An RWKV-6.</summary>
internal sealed record Rwkv6Base(string Path, Tokenizer Tokenizer, Rwkv6Sizes Sizes)
    : BaseModel(Path, Tokenizer, Sizes.Vocabulary, Context: null)
{
    private protected override ICausalModel Build(Method method, Size size) => method.Rwkv6(Sizes, size);
}
