using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>
/// Size expressions as C# that computes what the generator computes: whole numbers in 64 bits, where overflow is a
/// fault, and others in double precision. What needs no arithmetic stays as short as it is.
/// </summary>
internal static class SizeCode
{
    private static readonly string[] Small = ["int", "sbyte", "byte", "short", "ushort"];

    /// <summary>The expression as an argument of a parameter of this type.</summary>
    public static string Of(SizeExpression expression, string type = "long")
    {
        var code = Print(expression);
        if (type == "int" && code is { Kind: Kind.Long, CanOverflow: true } && expression is SizeExpression.Binary one
            && Print(one.Left) is { Kind: Kind.Int, IsComposite: false, CanOverflow: false } left
            && Print(one.Right) is { Kind: Kind.Int, IsComposite: false, CanOverflow: false } right)
        {
            // One operation faults in 32 bits exactly where its result is no int.
            return $"checked({Wrapped(left)} {one.Operator} {Wrapped(right)})";
        }

        return (type.TrimEnd('?'), code.Kind) switch
        {
            ("int", Kind.Long) => $"checked((int){Wrapped(code)})",
            ("float", Kind.Double) => $"(float){Wrapped(code)}",
            _ => code.CanOverflow ? $"checked({code.Text})" : code.Text,
        };
    }

    private static Code Print(SizeExpression expression) => expression switch
    {
        SizeExpression.Literal { Constant: long number } => new(
            expression.ToString(), number is >= int.MinValue and <= int.MaxValue ? Kind.Int : Kind.Long),
        SizeExpression.EnumMember => new(expression.ToString(), Kind.Other),
        SizeExpression.Literal { Constant: double } => new(expression.ToString(), Kind.Double),
        SizeExpression.Name name => new(FieldView.FieldOf(name.Parameter), KindOf(name.Type)),
        SizeExpression.Member member => new($"{Wrapped(Print(member.Of))}.{member.Property}", KindOf(member.Type)),
        SizeExpression.Element element => new(
            $"{Wrapped(Print(element.Of))}[{Of(element.Index, "int")}]", KindOf(element.Type)),
        SizeExpression.Call { IsCast: true } cast => Cast(cast.Function, Print(cast.Arguments[0])),
        SizeExpression.Call call => Called(call.Function, [.. call.Arguments.Select(Print)]),
        SizeExpression.Unary { Operator: "-" } unary => Negative(Print(unary.Operand)),
        SizeExpression.Unary unary => Not(Print(unary.Operand)),
        SizeExpression.Binary binary => Joined(binary, Print(binary.Left), Print(binary.Right)),
        SizeExpression.Conditional conditional => Chosen(
            Print(conditional.When), Print(conditional.Then), Print(conditional.Otherwise)),
        _ => new(expression.ToString(), Kind.Other),
    };

    private static Code Cast(string function, Code operand) => new(
        function + Wrapped(operand),
        KindOf(function.Trim('(', ')')),
        CanOverflow: true);

    private static Code Called(string function, IReadOnlyList<Code> arguments)
    {
        var kind = function == "Sqrt" ? Kind.Double : arguments.Max(argument => argument.Kind);
        return new(
            $"global::System.Math.{function}({string.Join(", ", arguments.Select(argument => Double(argument).Text))})",
            kind == Kind.Float ? Kind.Double : kind,
            arguments.Any(argument => argument.CanOverflow));
    }

    private static Code Not(Code operand) => new($"!{Wrapped(operand)}", Kind.Other, operand.CanOverflow);

    private static Code Negative(Code operand) => operand.Kind switch
    {
        Kind.Int => new($"-{Long(operand).Text}", Kind.Long, CanOverflow: true),
        Kind.Float => new($"-{Double(operand).Text}", Kind.Double, operand.CanOverflow),
        _ => new($"-{Wrapped(operand)}", operand.Kind, operand.CanOverflow || operand.Kind == Kind.Long),
    };

    private static Code Joined(SizeExpression.Binary binary, Code left, Code right)
    {
        if (binary.Operator == "??")
        {
            return new(
                $"{Wrapped(left)} ?? {Wrapped(right)}",
                left.Kind > right.Kind ? left.Kind : right.Kind,
                left.CanOverflow || right.CanOverflow,
                IsComposite: true);
        }

        if (binary.Operator is "<<" or ">>")
        {
            var shifted = left.Kind == Kind.Int ? Long(left) : left;
            return new(
                $"{Wrapped(shifted)} {binary.Operator} {Wrapped(Code.AsInt(right))}",
                Kind.Long,
                shifted.CanOverflow || right.CanOverflow,
                IsComposite: true);
        }

        var isArithmetic = binary.Operator is "+" or "-" or "*" or "/" or "%";
        var areWhole = left.Kind is Kind.Int or Kind.Long && right.Kind is Kind.Int or Kind.Long;
        var kind = !isArithmetic ? Kind.Other : areWhole ? Kind.Long : Kind.Double;
        var divides = binary.Operator is "/" or "%";
        if (kind == Kind.Double)
        {
            (left, right) = (Double(left), Double(right));
        }
        else if (kind == Kind.Long && left.Kind == Kind.Int && right.Kind == Kind.Int)
        {
            if (divides && binary.Right.Integer > 0)
            {
                kind = Kind.Int; // as in 64 bits, whatever the left side is
            }
            else if (binary.Left.Value is null && binary.Right.Value is not null)
            {
                right = Long(right);
            }
            else
            {
                left = Long(left);
            }
        }

        return new(
            $"{Wrapped(left)} {binary.Operator} {Wrapped(right)}",
            kind,
            left.CanOverflow || right.CanOverflow || (kind == Kind.Long && !divides),
            IsComposite: true);
    }

    private static Code Chosen(Code when, Code then, Code otherwise)
    {
        if (then.Kind != otherwise.Kind)
        {
            (then, otherwise) = (Double(then), Double(otherwise));
        }

        return new(
            $"{Wrapped(when)} ? {Wrapped(then)} : {Wrapped(otherwise)}",
            then.Kind > otherwise.Kind ? then.Kind : otherwise.Kind,
            when.CanOverflow || then.CanOverflow || otherwise.CanOverflow,
            IsComposite: true);
    }

    private static Code Long(Code code) => code with
    {
        Text = code.Text.All(char.IsDigit)
            ? code.Text + "L"
            : $"(long){Wrapped(code)}",
        Kind = Kind.Long,
        IsComposite = false,
    };

    /// <summary>The generator computes with double alone.</summary>
    private static Code Double(Code code) => code.Kind == Kind.Float
        ? code with { Text = $"(double){Wrapped(code)}", Kind = Kind.Double, IsComposite = false }
        : code;

    private static string Wrapped(Code code) => code.IsComposite || code.Text[0] == '-' ? $"({code.Text})" : code.Text;

    private static Kind KindOf(string? type) => type?.TrimEnd('?') switch
    {
        "long" => Kind.Long,
        "float" => Kind.Float,
        "double" => Kind.Double,
        var small => Small.Contains(small) ? Kind.Int : Kind.Other,
    };

    /// <summary>What C# takes an expression for; of two that are chosen between, the greater holds.</summary>
    private enum Kind
    {
        Other,
        Int,
        Long,
        Float,
        Double,
    }

    private sealed record Code(string Text, Kind Kind, bool CanOverflow = false, bool IsComposite = false)
    {
        /// <summary>What C# shifts by.</summary>
        public static Code AsInt(Code code) => code.Kind == Kind.Long
            ? code with { Text = $"(int){Wrapped(code)}", Kind = Kind.Int, IsComposite = false }
            : code;
    }
}
