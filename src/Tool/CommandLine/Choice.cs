using System.CommandLine;
using System.Globalization;

namespace Marrow.Tool.CommandLine;

/// <summary>Options with a fixed set of values or a range, whose faults say what would be right.</summary>
internal static class Choice
{
    /// <summary>An option that is one of some names.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">What it decides; the names are added.</param>
    /// <param name="values">The names with what they mean.</param>
    public static Option<T?> Of<T>(string name, string description, IReadOnlyDictionary<string, T> values)
    {
        var option = new Option<T?>(name)
        {
            Description = $"{description} One of {string.Join(", ", values.Keys)}.",
            HelpName = name.TrimStart('-'),
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (values.TryGetValue(text, out var value))
                {
                    return value;
                }

                result.AddError(ParseFault.Unknown($"{name} '{text}' is not known", text, values.Keys));
                return default;
            },
        };
        option.CompletionSources.Add([.. values.Keys]);
        return option;
    }

    /// <summary>An option that is a number in a range.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">What it decides.</param>
    /// <param name="rule">The range.</param>
    /// <param name="range">The same in words.</param>
    public static Option<double?> Number(string name, string description, Func<double, bool> rule, string range)
    {
        var option = new Option<double?>(name) { Description = description, HelpName = "x" };
        option.CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (double.TryParse(text, CultureInfo.InvariantCulture, out var number) && rule(number))
            {
                return number;
            }

            result.AddError($"{name} must be {range}, not '{text}'.");
            return null;
        };
        return option;
    }

    /// <summary>An option that is a positive whole number.</summary>
    public static Option<int?> Count(string name, string description)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "n" };
        option.CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (int.TryParse(text, out var number) && number > 0)
            {
                return number;
            }

            result.AddError($"{name} must be a whole number of at least 1, not '{text}'.");
            return null;
        };
        return option;
    }
}
