using System.Globalization;
using Marrow.Generators.Declarations;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Methods;

/// <summary>
/// What every template of a linear layer's class prints: constants where they are known, names where not.
/// </summary>
internal abstract class LayerClassView(EmittedClass target)
{
    private protected LayerClass Layer => target.Layer;

    private protected QuantizeSpec? Quantizer => target.Layer.Quantizer;

    /// <summary>The version that emitted code names.</summary>
    public string Version => typeof(LayerClassView).Assembly.GetName().Version.ToString(3);

    public string Name => target.Name;

    /// <summary>The shapes of the layers that the class is for, in words; null if there are none to name.</summary>
    public string? Shapes => target.Shapes is { } shapes ? XmlText.Escape(shapes) : null;

    /// <summary>The most in-features of these layers, if they are known.</summary>
    private protected long? LargestIn => target.LargestIn;

    /// <summary>Constructor parameters: the site, and the options known only at run time.</summary>
    public string Parameters => string.Join(", ", Layer.RunTimeOptions
        .Select(option => $"{TypeOf(option)} {Camel(option.Name)}")
        .Prepend("LinearSite site"));

    /// <summary>Bits of the weights in words.</summary>
    public string BitsWord => Quantizer is null ? "" : XmlText.Escape(Quantizer.Bits.ToString());

    /// <summary>Whether the base is packed.</summary>
    public bool IsPacked => Quantizer is { IsPacked: true };

    public bool Freezes => Quantizer is { Freezes: true };

    public bool Anneals => Quantizer is { Anneals: true };

    /// <summary>The settings of the quantizer as C#.</summary>
    public string? QuantizerSettings =>
        Quantizer is null ? null : QuantizerText.Settings(Quantizer, Camel, needsActivations: true);

    /// <summary>A constant, or the name of the constructor's parameter that holds it.</summary>
    private protected static string Code(string option, SizeExpression value) => value.Value switch
    {
        null => Camel(option),
        double number => Real(number),
        _ => value.ToString(),
    };

    /// <summary>The name of the constructor's parameter that holds an option.</summary>
    public static string Camel(string option) => char.ToLowerInvariant(option[0]) + option.Substring(1);

    public static string Real(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.') || text.Contains('E') ? text : text + ".0";
    }

    /// <summary>The type of the constructor's parameter that holds an option.</summary>
    public static string TypeOf(Argument option) => option.Kind switch
    {
        ValueKind.Number => "double",
        _ when option.Id == Diagnostics.DiagnosticIds.QuantizerBits => "int",
        _ => "long",
    };
}
