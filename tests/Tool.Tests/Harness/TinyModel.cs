using Marrow.Adapters;
using Marrow.Adapters.Peft;
using Marrow.Checkpoints;
using Marrow.Models;
using Marrow.Peft;
using static TorchSharp.torch;

namespace Marrow.Tests.Tool.Harness;

/// <summary>A folder of a small model, and adapters for it of any configuration.</summary>
internal sealed class TinyModel : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public TinyModel(DecoderSizes? sizes = null)
    {
        manual_seed(5);
        using var model = new Decoder(sizes ?? new(
            Vocabulary: 40, Hidden: 32, Intermediate: 48, Layers: 3, Heads: 4, KeyValueHeads: 2, Context: 64,
            QkvBias: true));
        model.SavePretrained(Path);
    }

    public string Path => System.IO.Path.Combine(folder.Path, "tiny-model");

    /// <summary>Writes an adapter with random values.</summary>
    /// <param name="configuration">Its adapter_config.json.</param>
    public string Adapter(string configuration)
    {
        var directory = folder.File("adapter");
        Directory.CreateDirectory(directory);
        File.WriteAllText(System.IO.Path.Combine(directory, PeftConfiguration.FileName), configuration);
        var file = PeftConfiguration.Read(directory);
        using var plain = CausalModel.Load(Path);
        var names = new PeftNames(plain);
        var values = new List<(string, Tensor)>();
        foreach (var layer in LoadedAdapters.Look(plain, file).Layers)
        {
            var adaptation = ((IAdaptedLayer)layer.Adapted).Adaptation;
            values.AddRange(adaptation.Parameters.Select(parameter => (
                $"{PeftNames.Prefix}{names.Layer(layer.Name)}.{layer.Settings.PeftName(parameter.Name)}",
                randn(parameter.Value.shape).mul(0.2))));
        }

        values.AddRange(LoadedAdapters.Trained(plain, file).Select(tensor => (
            PeftNames.Prefix + names.Tensor(tensor.Name), tensor.Value + (0.1 * randn(tensor.Value.shape)))));
        FolderUpdate.Write(directory, update => SafetensorsWriter.Write(
            update, directory, PeftWeights.FileName, values, new Dictionary<string, string>()));
        return directory;
    }

    public void Dispose() => folder.Dispose();
}
