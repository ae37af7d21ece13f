using System.Globalization;
using Microsoft.CodeAnalysis.CSharp;

namespace Marrow.Generators.Sizes;

/// <summary>
/// A size as written in an attribute or in a base call: literals and parameter names joined by operators. Values
/// are <see cref="long"/>, <see cref="double"/>, <see cref="bool"/> or <see cref="string"/>.
/// </summary>
internal abstract record SizeExpression
{
    /// <summary>The parameter <c>index</c>, the number of a copy, in the arguments of a repeated block.</summary>
    public const string CopyIndex = "$index";

    /// <summary>The value, if the expression is a literal.</summary>
    public object? Value => (this as Literal)?.Constant;

    /// <summary>The value, if the expression is an integer literal.</summary>
    public long? Integer => Value as long?;

    /// <summary>The value as a number, if the expression is an integer or floating-point literal.</summary>
    public double? Number => Value switch { long whole => whole, double number => number, _ => null };

    /// <summary>C# text, with parameter names passed through <paramref name="name"/>.</summary>
    public abstract string Print(Func<string, string> name);

    /// <summary>The parameters that the expression is computed from, in order of appearance.</summary>
    public virtual IEnumerable<string> Names => [];

    /// <summary>The first part that could not be read, or null.</summary>
    public virtual Invalid? Error => null;

    public sealed override string ToString() => Print(name => name);

    /// <summary>A constant.</summary>
    public sealed record Literal(object Constant) : SizeExpression
    {
        public override string Print(Func<string, string> name) => Constant switch
        {
            bool flag => flag ? "true" : "false",
            double number => Real(number),
            string text => Quote(text),
            _ => Convert.ToString(Constant, CultureInfo.InvariantCulture)!,
        };
    }

    /// <summary>A constructor parameter.</summary>
    /// <param name="Parameter">Its name.</param>
    /// <param name="Type">Its type as C# text, or null if that is not known.</param>
    public sealed record Name(string Parameter, string? Type = null) : SizeExpression
    {
        public override string Print(Func<string, string> name) => name(Parameter);

        public override IEnumerable<string> Names => [Parameter];
    }

    /// <summary><c>-x</c> or <c>!x</c>.</summary>
    public sealed record Unary(string Operator, SizeExpression Operand) : SizeExpression
    {
        public override string Print(Func<string, string> name) => Operator + Wrap(Operand, name);

        public override IEnumerable<string> Names => Operand.Names;

        public override Invalid? Error => Operand.Error;
    }

    /// <summary>An arithmetic, comparison or logical operation.</summary>
    public sealed record Binary(string Operator, SizeExpression Left, SizeExpression Right) : SizeExpression
    {
        /// <summary>Whether the user's own code computes it, with <see cref="int"/>.</summary>
        public bool IsInt32 { get; init; }

        public override string Print(Func<string, string> name) =>
            $"{Wrap(Left, name)} {Operator} {Wrap(Right, name)}";

        public override IEnumerable<string> Names => Left.Names.Concat(Right.Names);

        public override Invalid? Error => Left.Error ?? Right.Error;
    }

    /// <summary><c>condition ? then : otherwise</c>.</summary>
    public sealed record Conditional(
        SizeExpression When, SizeExpression Then, SizeExpression Otherwise) : SizeExpression
    {
        public override string Print(Func<string, string> name) =>
            $"{Wrap(When, name)} ? {Wrap(Then, name)} : {Wrap(Otherwise, name)}";

        public override IEnumerable<string> Names => When.Names.Concat(Then.Names).Concat(Otherwise.Names);

        public override Invalid? Error => When.Error ?? Then.Error ?? Otherwise.Error;
    }

    /// <summary>An argument of a base call that is known only at run time.</summary>
    /// <param name="Text">The C# text.</param>
    /// <param name="Identifiers">The identifiers in it, separated by spaces.</param>
    public sealed record Opaque(string Text, string Identifiers) : SizeExpression
    {
        public override string Print(Func<string, string> name) => OneLine(Text);

        /// <summary>Whether the text reads a constructor parameter.</summary>
        public bool Reads(string parameter) => Identifiers.Split(' ').Contains(parameter);
    }

    /// <summary>Text that is no size expression, and why.</summary>
    public sealed record Invalid(string Text, string Reason) : SizeExpression
    {
        public override string Print(Func<string, string> name) => OneLine(Text);

        public override Invalid? Error => this;
    }

    /// <summary>A C# string literal on one line.</summary>
    public static string Quote(string text) => SymbolDisplay.FormatLiteral(text, quote: true);

    /// <summary>Text as it stands in comments and plans, which have no line breaks.</summary>
    private static string OneLine(string text) =>
        string.Join(" ", text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>A floating-point number as C#, which takes one without a point for an integer.</summary>
    private static string Real(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return value switch
        {
            double.NaN => "double.NaN",
            double.PositiveInfinity => "double.PositiveInfinity",
            double.NegativeInfinity => "double.NegativeInfinity",
            _ => text.Contains('.') || text.Contains('E') ? text : text + ".0",
        };
    }

    private static string Wrap(SizeExpression expression, Func<string, string> name) =>
        expression is Binary or Conditional || expression.Number < 0
            ? $"({expression.Print(name)})"
            : expression.Print(name);
}

/// <summary>What kind of value an argument takes.</summary>
internal enum ValueKind
{
    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A whole or floating-point number, finite.</summary>
    Number,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>Whatever the C# compiler accepts there.</summary>
    Any,
}
