using System.Globalization;
using Marrow.Generators.Equatable;
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
    public record Literal(object Constant) : SizeExpression
    {
        public sealed override string Print(Func<string, string> name) => Constant switch
        {
            _ when this is EnumMember member => member.Text,
            bool flag => flag ? "true" : "false",
            double number => Real(number),
            string text => Quote(text),
            Missing => "null",
            _ => Convert.ToString(Constant, CultureInfo.InvariantCulture)!,
        };
    }

    /// <summary>The value of an optional parameter that is not given.</summary>
    public sealed record Missing
    {
        public static readonly Literal Null = new(new Missing());
    }

    /// <summary>A member of an enum, or a constant of another type.</summary>
    /// <param name="Constant">Its value.</param>
    /// <param name="Text">Its full name as C#.</param>
    /// <param name="Type">The enum as C# text.</param>
    public sealed record EnumMember(object Constant, string Text, string Type) : Literal(Constant);

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

    /// <summary>A function of System.Math, or a cast.</summary>
    /// <param name="Function">Its name: <c>Max</c>, <c>(int)</c>.</param>
    /// <param name="Arguments">Its arguments.</param>
    public sealed record Call(string Function, EquatableArray<SizeExpression> Arguments) : SizeExpression
    {
        public bool IsCast => Function[0] == '(';

        public override string Print(Func<string, string> name) => IsCast
            ? Function + Wrap(Arguments[0], name)
            : $"Math.{Function}({string.Join(", ", Arguments.Select(argument => argument.Print(name)))})";

        public override IEnumerable<string> Names => Arguments.SelectMany(argument => argument.Names);

        public override Invalid? Error => Arguments.Select(argument => argument.Error).FirstOrDefault(
            error => error is not null);
    }

    /// <summary>A member of a configuration: <c>sizes.Width</c>, <c>depths.Length</c>.</summary>
    /// <param name="Of">The configuration.</param>
    /// <param name="Property">The member's name.</param>
    /// <param name="Type">Its type as C# text, or null if that is not known.</param>
    public sealed record Member(SizeExpression Of, string Property, string? Type) : SizeExpression
    {
        public override string Print(Func<string, string> name) => $"{Wrap(Of, name)}.{Property}";

        public override IEnumerable<string> Names => Of.Names;

        public override Invalid? Error => Of.Error;
    }

    /// <summary>An item of a list: <c>depths[index]</c>.</summary>
    /// <param name="Of">The list.</param>
    /// <param name="Index">The item's number.</param>
    /// <param name="Type">The item's type as C# text, or null if that is not known.</param>
    public sealed record Element(SizeExpression Of, SizeExpression Index, string? Type) : SizeExpression
    {
        public override string Print(Func<string, string> name) => $"{Wrap(Of, name)}[{Index.Print(name)}]";

        public override IEnumerable<string> Names => Of.Names.Concat(Index.Names);

        public override Invalid? Error => Of.Error ?? Index.Error;
    }

    /// <summary>A configuration or a list that a base call writes out.</summary>
    /// <param name="Text">The C# text.</param>
    /// <param name="Identifiers">The identifiers in it, separated by spaces.</param>
    /// <param name="Members">Its members by name, or its items by number.</param>
    public sealed record Record(string Text, string Identifiers, EquatableArray<NamedSize> Members)
        : Opaque(Text, Identifiers)
    {
        /// <summary>The value of a member or item, or null if it is not written out.</summary>
        public SizeExpression? this[string member] => Members.FirstOrDefault(one => one.Name == member)?.Value;
    }

    /// <summary>A member of a configuration with its value.</summary>
    public sealed record NamedSize(string Name, SizeExpression Value);

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
    public record Opaque(string Text, string Identifiers) : SizeExpression
    {
        public sealed override string Print(Func<string, string> name) => OneLine(Text);

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
        expression is Binary or Conditional or Call { IsCast: true } || expression.Number < 0
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
