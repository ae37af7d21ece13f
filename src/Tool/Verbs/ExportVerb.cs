using System.CommandLine;
using Marrow.Models;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow export</c>: a model, or its adapter, in the formats of other programs.</summary>
internal sealed class ExportVerb : Verb
{
    private const string Gguf = "gguf", GgufLora = "gguf-lora", Safetensors = "safetensors", Onnx = "onnx";

    private readonly ModelOptions model = new();

    private readonly Option<string?> format = Choice.Of(
        "--to",
        "The format: gguf and gguf-lora (an adapter alone) for llama.cpp, safetensors, a folder, for Hugging Face's "
        + "libraries, onnx for vision models; gguf if not given.",
        new[] { Gguf, GgufLora, Safetensors, Onnx }.ToDictionary(name => name));

    private readonly Option<GgufType?> quantization = Choice.Of(
        "--gguf-type",
        "How GGUF stores matrices; f16 if not given.",
        Enum.GetValues<GgufType>().ToDictionary(
            value => value.ToString().ToLowerInvariant(), value => (GgufType?)value));

    private readonly OutputOptions output = new("The file, or the folder for safetensors.");

    public ExportVerb()
        : base(
            "export",
            "Writes a model, with an adapter merged if one is named, in the formats of other programs.",
            "marrow export ./SmolLM2-135M --adapter runs/math/adapter --to gguf --gguf-type q8_0 --out math.gguf")
    {
        model.AddTo(this, "; for --to onnx a folder with a ViT, a DeiT or a Swin");
        Add(format);
        Add(quantization);
        output.AddTo(this);
    }

    /// <inheritdoc/>
    protected override void Run(Invocation call)
    {
        var to = call.Get(format) ?? Gguf;
        if (to != Gguf && call.Has(quantization))
        {
            throw new ToolException($"--gguf-type means nothing to --to {to}; leave it out.");
        }

        if (to == GgufLora && model.Adapter(call) is null)
        {
            throw new ToolException("--to gguf-lora writes an adapter; name its folder with --adapter.");
        }

        if (to == Onnx)
        {
            ExportVision(call);
            return;
        }

        using var from = model.Open(call);
        var path = to == Safetensors ? output.Folder(call) : output.File(call);
        using var loaded = model.Load(call, from);
        call.Stop.ThrowIfCancellationRequested();
        call.Screen.Wait("Writing", () =>
        {
            switch (to)
            {
                case GgufLora:
                    loaded.SaveGgufAdapter(path);
                    break;
                case Gguf:
                    loaded.Merge();
                    loaded.SaveGguf(path, call.Get(quantization) ?? GgufType.F16, from.Folder);
                    break;
                default:
                    from.Save(loaded, path);
                    break;
            }

            return true;
        });
        Print(call, to, path);
    }

    /// <summary>A vision model as a graph; with quantizers it is one that <c>quantize</c> exports itself.</summary>
    private void ExportVision(Invocation call)
    {
        var from = model.Path(call);
        var architecture = Directory.Exists(from) ? VisionArchitecture.Find(from) : null;
        if (architecture is null)
        {
            throw new ToolException($"{from}: --to onnx needs a folder with the config.json of a ViT, DeiT or Swin.");
        }

        if (model.Adapter(call) is not null)
        {
            throw new ToolException("--adapter is for language models; leave it out with --to onnx.");
        }

        var path = output.File(call);
        call.RequireTorch();
        using var vision = architecture.Create();
        vision.LoadPretrained(from);
        call.Stop.ThrowIfCancellationRequested();
        vision.SaveOnnx(path);
        Print(call, Onnx, path);
    }

    private static void Print(Invocation call, string to, string path)
    {
        var bytes = to == Safetensors
            ? Directory.EnumerateFiles(path).Sum(file => new FileInfo(file).Length)
            : new FileInfo(path).Length;
        call.Print(
            new { Format = to, Path = path, Bytes = bytes },
            (result, screen) => screen.Say($"{result.Path}: {Amounts.Bytes(result.Bytes)}."));
    }
}
