using Marrow.Shared;

namespace Marrow.Language;

/// <summary>The size of adapters.</summary>
/// <param name="Block">Block size of Bone.</param>
/// <param name="Rank">Rank of LoRA and its kin.</param>
public sealed record AdapterSize(int Block = 64, int Rank = 8);

/// <summary>A way to fine-tune, by its name.</summary>
/// <param name="Name">Its name.</param>
/// <param name="LearningRate">A peak rate to begin with; it was tuned on small models.</param>
/// <param name="Create">Makes the attribute of adapters of a size; null: every weight trains.</param>
public sealed record FineTuningMethod(
    string Name, double LearningRate, Func<AdapterSize, AdapterAttribute>? Create)
{
    /// <summary>All that there are.</summary>
    public static IReadOnlyList<FineTuningMethod> All { get; } =
    [
        new("full", 2e-3, null),
        new("lora", 6e-3, size => new LoraAttribute { Rank = size.Rank }),
        new("lora+", 2e-3, size => new LoraAttribute { Rank = size.Rank, LearningRateRatio = 16 }),
        new("pissa", 4e-3, size => new LoraAttribute { Rank = size.Rank, Init = LoraInit.Pissa }),
        new("olora", 4e-3, size => new LoraAttribute { Rank = size.Rank, Init = LoraInit.Olora }),
        new("lora-ga", 4e-3, size => new LoraAttribute { Rank = size.Rank, Init = LoraInit.LoraGa }),
        new("dora", 6e-3, size => new DoraAttribute { Rank = size.Rank }),
        new("bone-row", 4e-3, size => new BoneAttribute { BlockSize = size.Block }),
        new("bone-column", 4e-3, size => new BoneAttribute { BlockSize = size.Block, Form = BoneForm.Column }),
        new("bone-free", 4e-3, size => new BoneAttribute { BlockSize = size.Block, Form = BoneForm.Free }),
    ];

    /// <summary>Whether it trains adapters and leaves the base's weights as they are.</summary>
    public bool IsAdapter => Create is not null;

    /// <summary>The methods by all names that they have: <c>bone</c> is its row form.</summary>
    public static IReadOnlyDictionary<string, FineTuningMethod> ByName { get; } = All
        .Select(method => (method.Name, Method: method))
        .Append(("bone", All.Single(method => method.Name == "bone-row")))
        .ToDictionary(pair => pair.Item1, pair => pair.Item2);

    /// <summary>The method of a name of <see cref="ByName"/>.</summary>
    /// <exception cref="ArgumentException">There is none; the message names those that there are.</exception>
    public static FineTuningMethod Named(string name) =>
        ByName.GetValueOrDefault(name)
        ?? throw new ArgumentException(
            $"There is no method '{name}'"
            + (Suggestion.Nearest(name, ByName.Keys) is { } near ? $"; did you mean {near}" : "")
            + $"? There are {string.Join(", ", ByName.Keys)}.");
}
