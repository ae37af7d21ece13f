using System.Globalization;
using Marrow.Shared;

namespace Marrow.Adapters;

/// <summary>
/// Reads the options of an attribute that was not compiled: numbers, where a class may have expressions.
/// </summary>
/// <param name="attribute">The attribute's name without suffix, for messages.</param>
internal sealed class RunTimeOptions(string attribute)
{
    /// <summary>A whole number.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public long Integer(string option, object? value) => value switch
    {
        int or long or short or byte => Convert.ToInt64(value, CultureInfo.InvariantCulture),
        _ => throw Fault(Kind(option, value, "a whole number")),
    };

    /// <summary>A number.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public double Number(string option, object? value) => value switch
    {
        int or long or short or byte or float or double => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        _ => throw Fault(Kind(option, value, "a number")),
    };

    /// <summary>A dropout.</summary>
    /// <exception cref="ArgumentException">It is no number, or out of its range.</exception>
    public double Dropout(object? value)
    {
        var dropout = Number("Dropout", value);
        return AdapterOptions.DropoutFault(dropout) is { } fault ? throw Fault(fault) : dropout;
    }

    /// <summary>Refuses the first fault.</summary>
    /// <exception cref="ArgumentException">There is one.</exception>
    public void Require(IEnumerable<(string Option, string Message)> faults)
    {
        foreach (var (_, message) in faults)
        {
            throw Fault(message);
        }
    }

    private static string Kind(string option, object? value, string wanted) => value is string text
        ? $"{option} is the expression \"{text}\", which only a compiled class has; give {wanted}"
        : FormattableString.Invariant($"{option} {value ?? "null"} is not {wanted}");

    private ArgumentException Fault(string message) => new($"[{attribute}] {message}.");
}
