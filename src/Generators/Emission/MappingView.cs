using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>The calls that say how a class's checkpoint differs from the model.</summary>
internal static class MappingView
{
    public static IReadOnlyList<string> Of(ClassSpec type) => type.Mapping is not { } mapping ? [] :
    [
        .. mapping.Rules.Select(Call),
        .. new[]
        {
            ("Prefix", mapping.Options?.Prefix), ("Unprefixed", mapping.Options?.Unprefixed),
            ("Transpose", mapping.Options?.Transpose), ("Ignore", mapping.Options?.Ignore),
        }.Where(option => option.Item2 is not null).Select(option => $"{option.Item1}({Quote(option.Item2!)})"),
    ];

    private static string Call(NameRuleSpec rule)
    {
        var others = string.Join(", ", rule.Others.Select(Quote));
        var parts = string.Concat(rule.Parts.Select(part => $", {SizeCode.Of(part.Evaluate(_ => null))}"));
        return rule.Attribute == "Fuse"
            ? $"Fuse({Quote(rule.First)}, [{others}]{parts})"
            : $"{rule.Attribute}({Quote(rule.First)}, {others})";
    }

    private static string Quote(string text) => SizeExpression.Quote(text);
}
