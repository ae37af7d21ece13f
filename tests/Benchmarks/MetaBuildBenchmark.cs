using System.Diagnostics;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Benchmarks;

/// <summary>LLaMA2-7B with Bone free on all seven projections: the size that the papers compare at.</summary>
[Bone(BlockSize = 64, Form = BoneForm.Free)]
internal sealed partial class Llama2BoneFree()
    : Llama(vocabulary: 32000, hidden: 4096, intermediate: 11008, layers: 32, heads: 32, keyValueHeads: 32);

/// <summary>LLaMA2-7B with LoRA at about the same number of trainable parameters.</summary>
[Lora(Rank = 36)]
internal sealed partial class Llama2Lora() : Llama(32000, 4096, 11008, 32, 32, 32);

/// <summary>Building LLaMA2-7B on the meta device, which makes shapes only, and what its plan says.</summary>
internal static class MetaBuildBenchmark
{
    private const string Name = "meta-build";

    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        if (!wanted(Name))
        {
            yield break;
        }

        using var on = Construction.On(META, bfloat16);
        var start = Stopwatch.GetTimestamp();
        using (new Llama2BoneFree())
        {
            yield return new(Name, "LLaMA2-7B, Bone free 64", "first build, seconds",
                Stopwatch.GetElapsedTime(start).TotalSeconds, "at most 2");
        }

        yield return new(Name, "LLaMA2-7B, Bone free 64", "trainable parameters in Plan",
            Llama2BoneFree.Plan.TrainableParameters!.Value, "87,031,808");
        yield return new(Name, "LLaMA2-7B, LoRA rank 36", "trainable parameters in Plan",
            Llama2Lora.Plan.TrainableParameters!.Value, "89,948,160");
    }
}
