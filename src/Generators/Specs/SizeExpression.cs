using System.Globalization;

namespace Marrow.Generators.Specs;

/// <summary>
/// A size as written in an attribute or in a base call: literals and parameter names joined by operators. Values
/// are <see cref="long"/>, <see cref="double"/>, <see cref="bool"/> or <see cref="string"/>.
/// </summary>
internal abstract record SizeExpression
{
    /// <summary>The parameter that stands for the number of a copy, <c>index</c>, in the arguments of a repeated block.</summary>
    public const string CopyIndex = "$index";

    /// <summary>The value, if the expression is a literal.</summary>
    public object? Value => (this as Literal)?.Constant;

    /// <summary>The value, if the expression is an integer literal.</summary>
    public long? Integer => Value as long?;

    /// <summary>C# text, with parameter names passed through <paramref name="name"/>.</summary>
    public abstract string Print(Func<string, string> name);

    /// <summary>The parameters that the expression reads, in order of appearance.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>The fault of the first part that could not be read, or null.</summary>
    public abstract Invalid? Fault { get; }

    public sealed override string ToString() => Print(name => name);

    /// <summary>A constant.</summary>
    public sealed record Literal(object Constant) : SizeExpression
    {
        public override string Print(Func<string, string> name) => Constant switch
        {
            bool flag => flag ? "true" : "false",
            double number => number.ToString("R", CultureInfo.InvariantCulture),
            string text => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"",
            _ => Convert.ToString(Constant, CultureInfo.InvariantCulture)!,
        };

        public override IEnumerable<string> Names => [];

        public override Invalid? Fault => null;
    }

    /// <summary>A constructor parameter.</summary>
    public sealed record Name(string Parameter) : SizeExpression
    {
        public override string Print(Func<string, string> name) => name(Parameter);

        public override IEnumerable<string> Names => [Parameter];

        public override Invalid? Fault => null;
    }

    /// <summary><c>-x</c> or <c>!x</c>.</summary>
    public sealed record Unary(string Operator, SizeExpression Operand) : SizeExpression
    {
        public override string Print(Func<string, string> name) => Operator + Wrap(Operand, name);

        public override IEnumerable<string> Names => Operand.Names;

        public override Invalid? Fault => Operand.Fault;
    }

    /// <summary>An arithmetic, comparison or logical operation.</summary>
    public sealed record Binary(string Operator, SizeExpression Left, SizeExpression Right) : SizeExpression
    {
        public override string Print(Func<string, string> name) =>
            $"{Wrap(Left, name)} {Operator} {Wrap(Right, name)}";

        public override IEnumerable<string> Names => Left.Names.Concat(Right.Names);

        public override Invalid? Fault => Left.Fault ?? Right.Fault;
    }

    /// <summary><c>condition ? then : otherwise</c>.</summary>
    public sealed record Conditional(SizeExpression When, SizeExpression Then, SizeExpression Otherwise) : SizeExpression
    {
        public override string Print(Func<string, string> name) =>
            $"{Wrap(When, name)} ? {Wrap(Then, name)} : {Wrap(Otherwise, name)}";

        public override IEnumerable<string> Names => When.Names.Concat(Then.Names).Concat(Otherwise.Names);

        public override Invalid? Fault => When.Fault ?? Then.Fault ?? Otherwise.Fault;
    }

    /// <summary>An argument of a base call that is known only at run time; <paramref name="Text"/> names it.</summary>
    public sealed record Opaque(string Text) : SizeExpression
    {
        public override string Print(Func<string, string> name) => Text;

        public override IEnumerable<string> Names => [];

        public override Invalid? Fault => null;
    }

    /// <summary>Text that is no size expression, and why.</summary>
    public sealed record Invalid(string Text, string Reason) : SizeExpression
    {
        public override string Print(Func<string, string> name) => Text;

        public override IEnumerable<string> Names => [];

        public override Invalid? Fault => this;
    }

    private static string Wrap(SizeExpression expression, Func<string, string> name) =>
        expression is Binary or Conditional ? $"({expression.Print(name)})" : expression.Print(name);
}
