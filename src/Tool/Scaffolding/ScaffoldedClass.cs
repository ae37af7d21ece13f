using System.Text;
using System.Text.RegularExpressions;

namespace Marrow.Tool.Scaffolding;

/// <summary>An annotated class of a checkpoint's sizes.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Base">What it derives from.</param>
/// <param name="Attributes">Its attributes; none: a plain model.</param>
/// <param name="Remarks">Sentences above it: what it is of, and what the attributes cannot say.</param>
internal sealed partial record ScaffoldedClass(
    string Name, ModelBase Base, IReadOnlyList<Attribute> Attributes, IReadOnlyList<string> Remarks)
{
    /// <summary>A class's name from a folder's or a file's.</summary>
    /// <param name="path">The path.</param>
    /// <param name="method">What is added to it.</param>
    public static string NameOf(string path, string method)
    {
        var file = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        var name = new StringBuilder();
        foreach (var word in Word().Matches(Path.GetExtension(file) is ".pth" or ".safetensors" or ".gguf"
            ? Path.GetFileNameWithoutExtension(file) : file).Select(match => match.Value).Append(method))
        {
            // Digits that meet would make another number.
            var meets = name.Length > 0 && char.IsAsciiDigit(name[^1]) && word.Length > 0 && char.IsAsciiDigit(word[0]);
            name.Append(meets ? "_" : "").Append(word.Length == 0 ? "" : char.ToUpperInvariant(word[0])).Append(
                word.Length == 0 ? "" : word[1..]);
        }

        return name.Length == 0 || char.IsAsciiDigit(name[0]) ? $"Model{name}" : name.ToString();
    }

    /// <summary>The file.</summary>
    /// <param name="space">Its namespace; null: none.</param>
    public string ToText(string? space)
    {
        var text = new StringBuilder("using Marrow;\nusing Marrow.Models;\n\n");
        text.Append(space is null ? "" : $"namespace {space};\n\n");
        text.Append("/// <summary>\n");
        foreach (var remark in Remarks)
        {
            text.Append($"/// {Escaped(remark)}\n");
        }

        text.Append("/// </summary>\n");
        foreach (var attribute in Attributes.Select(CSharpText.Attribute).DefaultIfEmpty("[Model]"))
        {
            text.Append(attribute).Append('\n');
        }

        var arguments = Base.Arguments is [var only] ? Indented(only) : null;
        text.Append($"public sealed partial class {Name}()");
        text.Append(arguments is null
            ? $"\n    : {Base.Type}(\n        {string.Join(",\n        ", Base.Arguments)});\n"
            : $"\n    : {Base.Type}({arguments});\n");
        return text.ToString();
    }

    private static string Indented(string text) => text.Replace("\n", "\n    ", StringComparison.Ordinal);

    private static string Escaped(string text) => text
        .Replace("&", "&amp;", StringComparison.Ordinal)
        .Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace(">", "&gt;", StringComparison.Ordinal);

    [GeneratedRegex("[A-Za-z0-9]+")]
    private static partial Regex Word();
}
