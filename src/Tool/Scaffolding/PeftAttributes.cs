using Marrow.Adapters.Peft;
using Marrow.CompilerServices;
using Marrow.Layers;
using Marrow.Models;
using Marrow.Peft;

namespace Marrow.Tool.Scaffolding;

/// <summary>The attributes by which a class has the adapters of a folder of PEFT's.</summary>
/// <param name="Attributes">The attributes.</param>
/// <param name="Unsaid">What of the folder they cannot say, in sentences.</param>
internal sealed record PeftAttributes(IReadOnlyList<Attribute> Attributes, IReadOnlyList<string> Unsaid)
{
    /// <summary>
    /// Reads a folder as <see cref="PeftAdapters.LoadAdapter"/> does, against a model of shapes alone.
    /// </summary>
    /// <param name="model">The model's folder.</param>
    /// <param name="adapter">The adapter's.</param>
    /// <exception cref="CheckpointException">One of them cannot be read, or they do not belong together.</exception>
    public static PeftAttributes Read(string model, string adapter)
    {
        var file = PeftConfiguration.Read(adapter);
        using var plain = CausalModel.Create(model);
        var (layers, faults) = LoadedAdapters.Look(plain, file);
        var own = layers.Where(layer => layer.Plain is not TiedLinear).ToList();
        if (own.Count == 0)
        {
            throw file.Fault(
                CheckpointException.Join(faults), $"name the model that it was trained on, not {model}");
        }

        var named = plain.Module.named_modules()
            .Where(pair => pair.module is Embedding or Conv2d or Linear and not TiedLinear)
            .Select(pair => (Name: pair.name, IsInner: pair.module is Linear { IsHead: false }))
            .ToList();
        var groups = own.GroupBy(layer => layer.Settings).OrderByDescending(group => group.Count()).ToList();
        var attributes = groups.ConvertAll(group => Attribute(
            group.Key, Patterns.Of([.. group.Select(layer => layer.Name)], named, isAlone: groups.Count == 1)));
        var trained = Trained(plain, file);
        Set(attributes[0], "Train", trained.Count == 0 ? null : Patterns.Of(trained, Owners(plain)));
        Set(attributes[0], "Bias", file.Guard(config => config.Bias));
        return new(attributes, [.. faults.Concat(Ties(plain, file, layers)).Select(Sentence)]);
    }

    private static Attribute Attribute(AdapterSettings settings, string? targets)
    {
        Attribute attribute = settings switch
        {
            DoraSettings dora => Fill(new DoraAttribute(), dora),
            LoraSettings lora => Fill(new LoraAttribute(), lora),
            BoneSettings bone => new BoneAttribute
            {
                BlockSize = bone.BlockSize,
                Form = bone.Form,
                MiniRank = bone.Form == BoneForm.Mini ? (object)bone.MiniRank : 0,
                Dropout = bone.Form is BoneForm.Free or BoneForm.Mini ? bone.Dropout : 0.0,
            },
            _ => throw new NotSupportedException(settings.GetType().Name),
        };
        Set(attribute, "Targets", targets);
        return attribute;
    }

    private static LowRankAttribute Fill(LowRankAttribute attribute, LoraSettings lora)
    {
        attribute.Rank = lora.Rank;
        attribute.Alpha = lora.Alpha == lora.Rank ? null : lora.Alpha;
        attribute.RankStabilized = lora.RankStabilized;
        attribute.Init = lora.Init;
        attribute.Iterations = lora.Iterations;
        attribute.Dropout = lora.Dropout;
        return attribute;
    }

    private static void Set(Attribute attribute, string option, object? value) =>
        attribute.GetType().GetProperty(option)!.SetValue(attribute, value);

    /// <summary>The modules that are trained whole, but for heads that have no weight of their own.</summary>
    private static IReadOnlyList<string> Trained(IModel model, PeftConfiguration file) => file.Guard(config =>
        (IReadOnlyList<string>)[.. LoadedAdapters.Trained(model, config)
            .Select(tensor => PeftNames.Around(tensor.Name))
            .Distinct()]);

    private static List<(string Name, bool IsInner)> Owners(IModel model) =>
    [
        .. model.Module.named_parameters()
            .Select(pair => PeftNames.Around(pair.name))
            .Distinct()
            .Select(name => (name, true)),
    ];

    /// <summary>What a class has no word for: a head apart from the embedding whose weight it shares.</summary>
    private static IEnumerable<string> Ties(IModel model, PeftConfiguration file, IReadOnlyList<LoadedAdapter> layers)
    {
        foreach (var (name, module) in model.Module.named_modules())
        {
            if (module is TiedLinear head && (layers.Any(layer => layer.Plain == head) || LoadedAdapters.Unties(
                model, file, name, head)))
            {
                yield return $"it has '{name}' apart from the embedding whose weight it shares; LoadAdapter into the "
                    + "plain class does that";
            }
        }
    }

    private static string Sentence(string text) => text.TrimEnd('.') + ".";
}
