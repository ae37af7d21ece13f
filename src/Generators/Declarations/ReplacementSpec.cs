using Marrow.Generators.Equatable;

namespace Marrow.Generators.Declarations;

/// <summary>[Replace]: one block in the place of another.</summary>
/// <param name="Block">Key of the block that is replaced.</param>
/// <param name="BlockType">Its type as C# text.</param>
/// <param name="Replacement">Key of the block that is made instead.</param>
/// <param name="ReplacementType">Its type as C# text.</param>
/// <param name="Parameters">The types of its constructor's parameters as C# text.</param>
/// <param name="Error">Why it cannot take the block's place, or null.</param>
internal sealed record ReplacementSpec(
    string Block,
    string BlockType,
    string Replacement,
    string ReplacementType,
    EquatableArray<string> Parameters,
    string? Error)
{
    /// <summary>Both in words.</summary>
    public string Words => $"{Last(Block)} is a {Last(Replacement)}";

    private static string Last(string key) => key.Substring(key.LastIndexOf('.') + 1);
}
