using Marrow.Adapters.Peft;
using Marrow.Checkpoints;
using Marrow.Models;
using Marrow.Peft;
using Marrow.Tool.Libraries;
using Marrow.Tool.Terminal;
using static TorchSharp.torch;

namespace Marrow.Tool.Inspection;

/// <summary>
/// Whether Marrow loads something: the answer is the loader's own, on the meta device, which has shapes and no memory.
/// </summary>
internal static class LoadingCheck
{
    private static readonly LoadingFacts Unfetched = new(null, null, "its configuration is right; names and shapes are "
        + "not compared, because libtorch is not there yet, which the first verb that computes fetches");

    /// <summary>A folder or a file of weights.</summary>
    /// <param name="path">Where it lies.</param>
    /// <param name="hasNoWeights">Whether there is a configuration alone.</param>
    /// <param name="screen">Hears of waiting.</param>
    /// <param name="stop">Ends it.</param>
    public static LoadingFacts Model(string path, bool hasNoWeights, Screen screen, CancellationToken stop)
    {
        var folder = ConfigurationFile.Folder(path);
        if (folder is null && !IsRwkv(path))
        {
            return new(null, null, "nothing says which model it is: there is no config.json beside it, and the names "
                + "are not RWKV-6's; LoadPretrained loads it into a class of its names and shapes");
        }

        return Try(() =>
        {
            // What says which model it is is read without libtorch.
            var vision = folder is null ? null : VisionArchitecture.Find(folder);
            if (vision is null)
            {
                CausalModel.RequireLayers(folder ?? path, CausalModel.Sizes(folder ?? path));
            }

            if (!LibTorch.IsThere)
            {
                return Unfetched;
            }

            LibTorch.Load(screen, stop);
            using var shapes = Construction.On(META);
            using IModel model = vision?.Create() ?? CausalModel.Create(folder ?? path);
            if (hasNoWeights)
            {
                return new(true, model.GetType().Name, "once its weights are there");
            }

            model.RequirePretrained(path);
            return new(true, model.GetType().Name, null);
        });
    }

    /// <summary>A GGUF file, whose sizes a config.json beside it states.</summary>
    public static LoadingFacts Gguf(string path, Screen screen, CancellationToken stop) =>
        ConfigurationFile.Folder(path) is null
            ? new(null, null, "GGUF files load into a model that is there; put the config.json of the original beside "
                + "the file to have both compared")
            : Model(path, hasNoWeights: false, screen, stop);

    /// <summary>An adapter, and the model that it is for.</summary>
    public static LoadingFacts Adapter(PeftConfiguration file, string? model, Screen screen, CancellationToken stop) =>
        Try(() =>
        {
            file.Guard(config => AdapterLayers.Settings(config, ""));
            var named = model ?? (Directory.Exists(file.BasePath) ? file.BasePath : null);
            if (named is null)
            {
                return new(null, null, "its base is not here; --base compares it with one");
            }

            if (!LibTorch.IsThere)
            {
                return Unfetched;
            }

            LibTorch.Load(screen, stop);

            using var plain = CausalModel.Create(named);
            var layers = LoadedAdapters.Find(plain, file).Count;
            return new(true, plain.GetType().Name, $"{layers} layers of {named} are adapted");
        });

    private static bool IsRwkv(string path)
    {
        using var checkpoint = CheckpointReader.Open(path);
        return checkpoint.Tensors.ContainsKey("emb.weight") && checkpoint.Tensors.ContainsKey("blocks.0.ln0.weight");
    }

    private static LoadingFacts Try(Func<LoadingFacts> load)
    {
        try
        {
            return load();
        }
        catch (CheckpointException fault)
        {
            return new(false, null, fault.Message.TrimEnd('.'));
        }
    }
}
