namespace Marrow.Generators.Sizes;

/// <summary>C#'s arithmetic on size expressions: integers divide as integers, overflow is an error.</summary>
internal static class SizeArithmetic
{
    private static readonly HashSet<string> Operators =
        ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||"];

    public static bool Knows(string operation) => Operators.Contains(operation);

    /// <summary>Folds what is constant; parameters stay names.</summary>
    public static SizeExpression Fold(SizeExpression expression) => expression.Evaluate(_ => null);

    /// <summary>
    /// Replaces parameters by what <paramref name="value"/> gives for them (null leaves the name) and folds what is
    /// then constant. A part that does not evaluate becomes <see cref="SizeExpression.Invalid"/>.
    /// </summary>
    public static SizeExpression Evaluate(this SizeExpression expression, Func<string, SizeExpression?> value)
    {
        switch (expression)
        {
            case SizeExpression.Name name:
                return value(name.Parameter) ?? name;
            case SizeExpression.Unary unary:
                var operand = unary.Operand.Evaluate(value);
                return (unary.Operator, operand.Value) switch
                {
                    ("-", long.MinValue) => TooLarge(expression),
                    ("-", long number) => new SizeExpression.Literal(-number),
                    ("-", double number) => new SizeExpression.Literal(-number),
                    ("!", bool flag) => new SizeExpression.Literal(!flag),
                    (_, null) => unary with { Operand = operand },
                    _ => NotDefined(expression),
                };
            case SizeExpression.Binary binary:
                var (left, right) = (binary.Left.Evaluate(value), binary.Right.Evaluate(value));
                if (binary.Operator is "/" or "%" && right.Value is 0L && left.Value is null or long)
                {
                    return new SizeExpression.Invalid(binary.ToString(), "it divides by zero");
                }

                return left.Value is null || right.Value is null
                    ? binary with { Left = left, Right = right }
                    : Fold(binary, left.Value, right.Value);
            case SizeExpression.Conditional conditional:
                var when = conditional.When.Evaluate(value);
                return when.Value switch
                {
                    true => conditional.Then.Evaluate(value),
                    false => conditional.Otherwise.Evaluate(value),
                    null => conditional with
                    {
                        When = when,
                        Then = conditional.Then.Evaluate(value),
                        Otherwise = conditional.Otherwise.Evaluate(value),
                    },
                    _ => NotDefined(expression),
                };
            default:
                return expression;
        }
    }

    private static SizeExpression Fold(SizeExpression.Binary binary, object left, object right)
    {
        try
        {
            object? result = (left, right) switch
            {
                (long a, long b) => Whole(binary.Operator, a, b),
                (long or double, long or double) => Floating(
                    binary.Operator, Convert.ToDouble(left), Convert.ToDouble(right)),
                (bool a, bool b) => Logical(binary.Operator, a, b),
                _ => null,
            };
            return result switch
            {
                null => NotDefined(binary),
                < int.MinValue or > (long)int.MaxValue when binary.IsInt32 => new SizeExpression.Invalid(
                    binary.ToString(), "C# computes it as an int, which is too small for it"),
                _ => new SizeExpression.Literal(result),
            };
        }
        catch (OverflowException)
        {
            return TooLarge(binary);
        }
    }

    private static object? Whole(string operation, long a, long b) => operation switch
    {
        "+" => checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "/" => checked(a / b),
        "%" => b == -1 ? 0L : a % b,
        _ => Compare(operation, a.CompareTo(b)),
    };

    private static object? Floating(string operation, double a, double b) => operation switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "%" => a % b,
        _ => Compare(operation, a.CompareTo(b)),
    };

    private static object? Logical(string operation, bool a, bool b) => operation switch
    {
        "&&" => a && b,
        "||" => a || b,
        "==" => a == b,
        "!=" => a != b,
        _ => null,
    };

    private static object? Compare(string operation, int order) => operation switch
    {
        "==" => order == 0,
        "!=" => order != 0,
        "<" => order < 0,
        "<=" => order <= 0,
        ">" => order > 0,
        ">=" => order >= 0,
        _ => null,
    };

    private static SizeExpression.Invalid NotDefined(SizeExpression expression) =>
        new(expression.ToString(), "its operands have types that it is not defined for");

    private static SizeExpression.Invalid TooLarge(SizeExpression expression) =>
        new(expression.ToString(), "it is larger than a 64-bit integer holds");
}
