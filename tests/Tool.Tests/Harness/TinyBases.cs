using Marrow.Models;

namespace Marrow.Tests.Tool.Harness;

/// <summary>Tiny models of today's families with their own tokenizers, made once for a class's tests.</summary>
public sealed class TinyBases : IDisposable
{
    private const int Llama3Ids = 128256, Qwen3Ids = 151936;
    private readonly TemporaryFolder folder = new();

    /// <summary>The folder of a family's model.</summary>
    public string Of(string family)
    {
        var path = folder.File(family);
        if (Directory.Exists(path))
        {
            return path;
        }

        var tokenizer = SharedData.Require($"data/tokenizers/{family}");
        using ICausalModel model = family == "llama3_1"
            ? new Models.Llama(
                Llama3Ids, 16, 24, 2, 4, 2, context: 512, ropeTheta: 500000, tied: true,
                rope: new Llama3Rope(8, 1, 4, 128))
            : new Decoder(new(
                Qwen3Ids, 16, 24, 2, 4, 2, Context: 512, NormEps: 1e-6, RopeTheta: 1e6, Tied: true, Head: 8,
                QkNorms: true));
        model.SavePretrained(path);
        foreach (var file in Directory.GetFiles(tokenizer))
        {
            File.Copy(file, Path.Combine(path, Path.GetFileName(file)));
        }

        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Dispose();
}
