using System.Text.Json.Nodes;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

/// <summary>Tests that write a folder as PEFT does and load it.</summary>
public abstract class AdapterFolderTests : IDisposable
{
    private protected string Folder { get; } = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString());

    private protected Tensor Ids { get; } = tensor(new long[] { 1, 5, 3, 10 });

    public void Dispose()
    {
        Ids.Dispose();
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private protected string At(string name) => Path.Combine(Folder, name);

    private protected void Write(string fields, string others, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        Directory.CreateDirectory(Folder);
        var config = JsonNode.Parse(fields)!.AsObject();
        foreach (var (name, value) in JsonNode.Parse(others)!.AsObject())
        {
            config[name] = value?.DeepClone();
        }

        File.WriteAllText(Path.Combine(Folder, "adapter_config.json"), config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(Folder, "adapter_model.safetensors"), tensors);
    }

    private protected static (string, Tensor)[] Lora(string layer, long rank) =>
    [
        ($"base_model.model.{layer}.lora_A.weight", randn(rank, layer.Contains("down") ? 16 : 8)),
        ($"base_model.model.{layer}.lora_B.weight", randn(layer.Contains("up") ? 16 : 8, rank)),
    ];
}
