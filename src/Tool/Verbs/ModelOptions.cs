using System.CommandLine;
using Marrow.Language;
using Marrow.Models;
using Marrow.Tool.CommandLine;

namespace Marrow.Tool.Verbs;

/// <summary>A language model that a verb loads, with an adapter if one is named.</summary>
internal sealed class ModelOptions
{
    private readonly Argument<string> path = new("model");

    private readonly Option<string?> adapter = new("--adapter")
    {
        Description = "A folder of PEFT's, whose adapter the model gets.",
    };

    private readonly ComputeOptions compute = new();

    /// <summary>Adds them to a verb.</summary>
    /// <param name="verb">The verb.</param>
    /// <param name="more">What it takes beside language models, for its help.</param>
    public void AddTo(Command verb, string more = "")
    {
        path.Description =
            $"A folder of Hugging Face's with a language model, or an RWKV-6 as .pth or safetensors{more}.";
        verb.Add(path);
        verb.Add(adapter);
        compute.AddTo(verb);
    }

    /// <summary>The adapter's folder; null: none.</summary>
    public string? Adapter(Invocation call) => call.Get(adapter);

    /// <summary>The model's path.</summary>
    public string Path(Invocation call) => call.Get(path);

    /// <summary>Opens the base; no weight is loaded yet.</summary>
    public BaseModel Open(Invocation call)
    {
        call.RequireTorch();
        if (Adapter(call) is { } folder && !File.Exists(System.IO.Path.Combine(folder, "adapter_config.json")))
        {
            throw new ToolException(
                $"{folder}: there is no adapter_config.json; name a folder that PEFT or marrow wrote.");
        }

        return BaseModel.Open(Path(call));
    }

    /// <summary>Loads the model with its adapter, for inference.</summary>
    /// <param name="call">What was typed.</param>
    /// <param name="from">The base.</param>
    public ICausalModel Load(Invocation call, BaseModel from)
    {
        var (device, type) = (compute.Device(call), compute.Type(call));
        return call.Screen.Wait("Loading the weights", () =>
        {
            var model = from.Create(device: device, dtype: type);
            if (Adapter(call) is { } folder)
            {
                model.LoadAdapter(folder);
            }

            model.Module.eval();
            return model;
        });
    }
}
