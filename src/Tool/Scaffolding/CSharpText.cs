using System.Collections;
using System.Globalization;
using System.Reflection;
using Microsoft.CodeAnalysis.CSharp;

namespace Marrow.Tool.Scaffolding;

/// <summary>Values as C# that makes them.</summary>
internal static class CSharpText
{
    private const int Width = 120;

    /// <summary>A number, a text, an enum's member, a list, or a record.</summary>
    public static string Of(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        string text => SymbolDisplay.FormatLiteral(text, quote: true),
        double number => Number(number),
        Enum member => $"{member.GetType().Name}.{member}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IEnumerable list => $"[{string.Join(", ", list.Cast<object>().Select(Of))}]",
        _ => $"new {value.GetType().Name}({string.Join(", ", Arguments(value))})",
    };

    /// <summary>
    /// The arguments of a record's constructor, by name, without those that have their default value.
    /// </summary>
    public static IReadOnlyList<string> Arguments(object record)
    {
        var type = record.GetType();
        return
        [
            .. from parameter in type.GetConstructors()[0].GetParameters()
               let value = type.GetProperty(parameter.Name!)!.GetValue(record)
               where !(parameter.HasDefaultValue && IsDefault(parameter, value))
               select $"{parameter.Name}: {Of(value)}",
        ];
    }

    /// <summary>An attribute with the options that differ from a new one's: <c>[Lora(Rank = 16)]</c>.</summary>
    public static string Attribute(Attribute attribute)
    {
        var type = attribute.GetType();
        var standard = Activator.CreateInstance(type);
        var options =
            from property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            where property.CanWrite
            let value = property.GetValue(attribute)
            where !Equals(value, property.GetValue(standard))
            select $"{property.Name} = {Of(value)}";
        return Call($"[{type.Name[..^"Attribute".Length]}", [.. options.OrderBy(Rank)], "]");
    }

    /// <summary>A call, with its arguments in one line or in lines of their own.</summary>
    public static string Call(string start, IReadOnlyList<string> arguments, string end)
    {
        if (arguments.Count == 0)
        {
            return start + end;
        }

        var line = $"{start}({string.Join(", ", arguments)}){end}";
        return line.Length <= Width && !line.Contains('\n') ? line
            : $"{start}(\n    {string.Join(",\n    ", arguments.SelectMany(Wrapped))}){end}";
    }

    /// <summary>A list that is longer than a line.</summary>
    private static IEnumerable<string> Wrapped(string argument)
    {
        if (argument.Length <= Width - 8)
        {
            return [argument];
        }

        var lines = new List<string> { "" };
        foreach (var part in argument.Split(", "))
        {
            if (lines[^1].Length + part.Length > Width - 16)
            {
                lines.Add("");
            }

            lines[^1] += (lines[^1].Length == 0 ? "" : ", ") + part;
        }

        return [string.Join(",\n        ", lines)];
    }

    private static string Number(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E', StringComparison.Ordinal)
            ? text.Replace("E-0", "e-", StringComparison.Ordinal).Replace("E+0", "e", StringComparison.Ordinal)
                .Replace("E", "e", StringComparison.Ordinal)
            : text;
    }

    private static bool IsDefault(ParameterInfo parameter, object? value) => value is null
        ? parameter.DefaultValue is null
        : value.Equals(value is Enum
            ? Enum.ToObject(value.GetType(), parameter.DefaultValue!)
            : parameter.DefaultValue);

    /// <summary>What an adapter is comes before what it means.</summary>
    private static int Rank(string option) => option.Split(' ')[0] switch
    {
        "Form" or "Rank" => 0,
        "BlockSize" or "Alpha" => 1,
        "Targets" => 3,
        "Exclude" => 4,
        "Train" => 5,
        "Bias" => 6,
        _ => 2,
    };
}
