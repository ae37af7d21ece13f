using System.Text;

namespace Marrow.Generators.Reading;

/// <summary>Checkpoint names of layers.</summary>
internal static class LayerNames
{
    /// <summary>
    /// <c>GateProj</c> → <c>gate_proj</c>, <c>LNPost</c> → <c>ln_post</c>, <c>Norm1</c> → <c>norm1</c>.
    /// </summary>
    public static string SnakeCase(string property)
    {
        var text = new StringBuilder();
        for (var i = 0; i < property.Length; i++)
        {
            var startsWord = char.IsUpper(property[i]) && i > 0 && property[i - 1] != '_'
                && (!char.IsUpper(property[i - 1]) || (i + 1 < property.Length && char.IsLower(property[i + 1])));
            _ = startsWord ? text.Append('_') : text;
            text.Append(char.ToLowerInvariant(property[i]));
        }

        return text.ToString();
    }
}
