using Marrow.Models;
using Marrow.Tokenizers;
using static TorchSharp.torch;

namespace Marrow.Language;

/// <summary>
/// A pretrained language model to start from: its files are checked and its sizes known, and no weight is loaded yet.
/// </summary>
public sealed class BaseModel : IDisposable
{
    private readonly ICausalModel shapes;
    private ChatFormat? chat;
    private bool isChatRead;

    private BaseModel(string path, ICausalModel shapes, Tokenizer tokenizer) =>
        (Path, this.shapes, Tokenizer) = (path, shapes, tokenizer);

    /// <summary>Where its weights are.</summary>
    public string Path { get; }

    /// <summary>The folder of its files.</summary>
    public string Folder => FolderOf(Path);

    /// <summary>Its own tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Its longest sequence; null: any.</summary>
    public int? Context => shapes.Context;

    /// <summary>The name of its architecture's class.</summary>
    public string Architecture => shapes.GetType().Name;

    /// <summary>Its parameters.</summary>
    public long Parameters => shapes.Module.parameters().Sum(parameter => parameter.numel());

    /// <summary>How it wants conversations written; null if it has no chat template.</summary>
    /// <exception cref="CheckpointException">Its template is of no known family.</exception>
    public ChatFormat? Chat
    {
        get
        {
            (chat, isChatRead) = (isChatRead ? chat : ChatFormat.Find(Folder), true);
            return chat;
        }
    }

    /// <summary>
    /// Opens a base: a folder of Hugging Face's with a decoder or a GPT-2, or an RWKV-6 as .pth or safetensors with its
    /// tokenizer beside it.
    /// </summary>
    /// <exception cref="CheckpointException">It is not there, cannot be read, or is not supported.</exception>
    public static BaseModel Open(string path)
    {
        const string Remedy =
            "name a folder of Hugging Face's with config.json, safetensors and tokenizer, or an RWKV-6 as .pth or "
            + "safetensors";
        if (!File.Exists(path) && !Directory.Exists(path))
        {
            throw new CheckpointException(path, "there is no such file or folder", Remedy);
        }

        if (Directory.Exists(path) && !Directory.EnumerateFileSystemEntries(path).Any())
        {
            throw new CheckpointException(path, "the folder is empty", Remedy);
        }

        var shapes = CausalModel.Create(path);
        try
        {
            return new(path, shapes, Tokenizer.Load(FolderOf(path)));
        }
        catch
        {
            shapes.Dispose();
            throw;
        }
    }

    /// <summary>
    /// A model with its weights, adapted if an attribute is given: built as shapes only, then filled, so that nothing
    /// is initialized twice.
    /// </summary>
    /// <param name="adapter">The adapters; null: none.</param>
    /// <param name="seed">Decides the adapters' first values.</param>
    /// <param name="device">Where to put it; the CPU if null.</param>
    /// <param name="dtype">The type of its weights; float32 if null. Adapters have 32 bits or more.</param>
    /// <exception cref="ArgumentException">The adapters do not fit the model.</exception>
    /// <exception cref="CheckpointException">The weights cannot be read or do not fit.</exception>
    public ICausalModel Create(
        AdapterAttribute? adapter = null, int seed = 0, Device? device = null, ScalarType? dtype = null)
    {
        var model = CausalModel.Create(Path, dtype);
        try
        {
            if (adapter is not null)
            {
                model.AddAdapter(adapter);
            }

            manual_seed(seed);
            model.LoadPretrained(Path, device);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>How many parameters training would change; no weight is loaded for it.</summary>
    /// <param name="adapter">The adapters; null: every weight trains.</param>
    /// <exception cref="ArgumentException">The adapters do not fit the model.</exception>
    public long Trainable(AdapterAttribute? adapter)
    {
        using var model = CausalModel.Create(Path);
        if (adapter is not null)
        {
            model.AddAdapter(adapter);
        }

        return FineTuning.Trainable(model);
    }

    /// <summary>The rank at which LoRA has about as many parameters as Bone's free form has at a block size.</summary>
    public int EqualRank(int block) => Math.Max(1, (int)Math.Round(
        (double)Trainable(new BoneAttribute { BlockSize = block, Form = BoneForm.Free })
        / Trainable(new LoraAttribute { Rank = 1 })));

    /// <summary>
    /// Writes instructions as a template has them; null: as the base's own chat format does, or Alpaca's template if it
    /// has none.
    /// </summary>
    public IInstructionEncoder Encoder(PromptTemplate? template) => template is null && Chat is { } format
        ? new ChatEncoder(Tokenizer, format)
        : new InstructionEncoder(
            Tokenizer, template ?? PromptTemplate.Alpaca, addBegin: template != PromptTemplate.Rwkv);

    /// <summary>Writes conversations as the base's own chat format has them.</summary>
    /// <exception cref="CheckpointException">The base has no chat template.</exception>
    public ChatEncoder ChatEncoder() => new(Tokenizer, Chat ?? throw new CheckpointException(
        Path, "it has no chat template, which conversations need", "use the tokenizer_config.json of a chat model"));

    /// <summary>Saves a model's weights, adapters merged, with the tokenizer: a folder that is a base again.</summary>
    /// <param name="model">The model.</param>
    /// <param name="directory">The folder.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public void Save(IModel model, string directory)
    {
        model.Merge();
        model.SavePretrained(directory);
        foreach (var file in Directory.GetFiles(Folder, "*vocab*").Concat(Directory.GetFiles(Folder, "tokenizer*")))
        {
            var copy = System.IO.Path.Combine(directory, System.IO.Path.GetFileName(file));
            if (!File.Exists(copy))
            {
                File.Copy(file, copy);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        shapes.Dispose();
        Tokenizer.Dispose();
    }

    private static string FolderOf(string path) =>
        File.Exists(path) ? System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))! : path;
}
