using Marrow.Generators.Equatable;
using Marrow.Generators.Sizes;
using Marrow.Shared;

namespace Marrow.Generators.Declarations;

/// <summary>What the attributes of a class say about its checkpoint.</summary>
/// <param name="Rules">[Rename], [Split] and [Fuse] in their order.</param>
/// <param name="Options">[Checkpoint], or null.</param>
internal sealed record MappingSpec(EquatableArray<NameRuleSpec> Rules, CheckpointSpec? Options)
{
    /// <summary>The attributes that are there, each once, without suffix.</summary>
    public IEnumerable<string> Attributes =>
        Rules.Select(rule => rule.Attribute).Distinct().Concat(Options is null ? [] : ["Checkpoint"]);

    /// <summary>Adds what is said here to what the bases say.</summary>
    public void AddTo(NameTable table)
    {
        table.Rules.AddRange(Rules.Select(rule => rule.Rule));
        table.Prefix = Options?.Prefix ?? table.Prefix;
        table.Unprefixed.AddRange(new[] { Options?.Unprefixed }.OfType<string>());
        table.Transposed.AddRange(new[] { Options?.Transpose }.OfType<string>());
    }
}

/// <summary>[Checkpoint].</summary>
internal sealed record CheckpointSpec(string? Prefix, string? Unprefixed, string? Transpose, string? Ignore)
{
    /// <summary>What was wrong with the options as they were written.</summary>
    public EquatableArray<ArgumentError> Errors { get; init; }
}

/// <summary>[Rename], [Split] or [Fuse].</summary>
/// <param name="Attribute">Which of them.</param>
/// <param name="Index">The number of the attribute among those of its name on the class.</param>
/// <param name="First">Its first name.</param>
/// <param name="Others">Its other names.</param>
/// <param name="Parts">The ratio of a fused layer's parts; empty if they are equal.</param>
internal sealed record NameRuleSpec(
    string Attribute, int Index, string First, EquatableArray<string> Others, EquatableArray<SizeExpression> Parts)
{
    /// <summary>What was wrong with the options as they were written.</summary>
    public EquatableArray<ArgumentError> Errors { get; init; }

    /// <summary>The rule; parts that are not known while typing count as equal.</summary>
    public NameRule Rule => Attribute switch
    {
        "Rename" => new RenameRule(First, Others.FirstOrDefault() ?? ""),
        "Split" => new SplitRule(First, [.. Others]),
        _ => new FuseRule(
            First,
            [.. Others],
            Parts.Count == 0 ? null : [.. Parts.Select(part => part.Evaluate(_ => null).Integer ?? 1)]),
    };
}
