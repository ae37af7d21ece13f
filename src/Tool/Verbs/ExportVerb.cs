using System.CommandLine;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;

namespace Marrow.Tool.Verbs;

/// <summary><c>marrow export</c>: a model, or its adapter, in the formats of other programs.</summary>
internal sealed class ExportVerb : Verb
{
    private const string Gguf = "gguf", GgufLora = "gguf-lora", Safetensors = "safetensors";

    private readonly ModelOptions model = new();

    private readonly Option<string?> format = Choice.Of(
        "--to",
        "The format: gguf and gguf-lora (an adapter alone) for llama.cpp, safetensors, a folder, for Hugging Face's "
        + "libraries; gguf if not given.",
        new[] { Gguf, GgufLora, Safetensors }.ToDictionary(name => name));

    private readonly Option<GgufType> quantization = Choice.Of(
        "--gguf-type",
        "How GGUF stores matrices; f16 if not given.",
        Enum.GetValues<GgufType>().ToDictionary(value => value.ToString().ToLowerInvariant()),
        "f16");

    private readonly OutputOptions output = new("The file, or the folder for safetensors.");

    public ExportVerb()
        : base(
            "export",
            "Writes a model, with an adapter merged if one is named, in the formats of other programs.",
            "marrow export ./SmolLM2-135M --adapter runs/math/adapter --to gguf --gguf-type q8_0 --out math.gguf")
    {
        model.AddTo(this);
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
                    loaded.SaveGguf(path, call.Get(quantization), from.Folder);
                    break;
                default:
                    from.Save(loaded, path);
                    break;
            }

            return true;
        });
        var bytes = to == Safetensors
            ? Directory.EnumerateFiles(path).Sum(file => new FileInfo(file).Length)
            : new FileInfo(path).Length;
        call.Print(
            new { Format = to, Path = path, Bytes = bytes },
            (result, screen) => screen.Say($"{result.Path}: {Amounts.Bytes(result.Bytes)}."));
    }
}
