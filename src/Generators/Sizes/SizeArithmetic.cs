using Marrow.Generators.Equatable;

namespace Marrow.Generators.Sizes;

/// <summary>C#'s arithmetic on size expressions: integers divide as integers, overflow is an error.</summary>
internal static class SizeArithmetic
{
    private static readonly HashSet<string> Operators =
        ["+", "-", "*", "/", "%", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??"];

    /// <summary>The functions of System.Math that sizes may call, by the number of their arguments.</summary>
    public static readonly IReadOnlyDictionary<string, int> Functions = new Dictionary<string, int>
    {
        ["Max"] = 2,
        ["Min"] = 2,
        ["Sqrt"] = 1,
    };

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
                var left = binary.Left.Evaluate(value);
                if ((binary.Operator, left.Value) is ("&&", false) or ("||", true))
                {
                    return left; // C# does not compute the other side
                }

                var right = binary.Right.Evaluate(value);
                if (binary.Operator is "/" or "%" && right.Value is 0L && left.Value is null or long)
                {
                    return new SizeExpression.Invalid(binary.ToString(), "it divides by zero");
                }

                if (binary.Operator == "??" && left is SizeExpression.Literal { Constant: var given })
                {
                    return given is SizeExpression.Missing ? right : left;
                }

                return left.Value is null || right.Value is null || binary.Operator == "??"
                    ? binary with { Left = left, Right = right }
                    : Fold(binary, left.Value, right.Value);
            case SizeExpression.Call call:
                var arguments = call.Arguments.Select(argument => argument.Evaluate(value)).ToList();
                return arguments.TrueForAll(argument => argument.Value is not null)
                    ? Called(call, [.. arguments.Select(argument => argument.Value!)])
                    : call with { Arguments = arguments.ToEquatable() };
            case SizeExpression.Member member:
                var owner = member.Of.Evaluate(value);
                return owner is SizeExpression.Record record && Part(record, member.Property) is { } part
                    ? part
                    : member with { Of = owner };
            case SizeExpression.Element element:
                var (list, index) = (element.Of.Evaluate(value), element.Index.Evaluate(value));
                return list is SizeExpression.Record items && index.Integer is { } place
                    ? items[$"{place}"] ?? new SizeExpression.Invalid(
                        expression.ToString(), $"the list has {items.Members.Count} items")
                    : element with { Of = list, Index = index };
            case SizeExpression.Record written:
                return written with
                {
                    Members = written.Members
                        .Select(one => one with { Value = one.Value.Evaluate(value) })
                        .ToEquatable(),
                };
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
                (string a, string b) => Same(binary.Operator, a == b),
                (SizeExpression.Missing, _) or (_, SizeExpression.Missing) =>
                    binary.Operator is "<" or "<=" or ">" or ">="
                        ? false // as C# compares what is not there
                        : Same(binary.Operator, left is SizeExpression.Missing && right is SizeExpression.Missing),
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
        "<<" => b is >= 0 and < 63 && (a << (int)b) >> (int)b == a ? a << (int)b : throw new OverflowException(),
        ">>" => a >> (int)Math.Min(63, Math.Max(0, b)),
        _ => Compare(operation, a.CompareTo(b)),
    };

    private static SizeExpression Called(SizeExpression.Call call, object[] values)
    {
        object? result = (call.Function, values) switch
        {
            ("Max", [long a, long b]) => Math.Max(a, b),
            ("Min", [long a, long b]) => Math.Min(a, b),
            ("Max", [long or double, long or double]) => Math.Max(Real(values[0]), Real(values[1])),
            ("Min", [long or double, long or double]) => Math.Min(Real(values[0]), Real(values[1])),
            ("Sqrt", [long or double]) => Math.Sqrt(Real(values[0])),
            ("(int)", [long and (< int.MinValue or > int.MaxValue)]) => null,
            ("(int)" or "(long)", [long whole]) => whole,
            ("(int)", [double number]) when Math.Abs(number) < int.MaxValue => (long)number,
            ("(long)", [double number]) when Math.Abs(number) < long.MaxValue => (long)number,
            ("(double)", [long or double]) => Real(values[0]),
            _ => null,
        };
        return result is null ? NotDefined(call) : new SizeExpression.Literal(result);

        static double Real(object value) => Convert.ToDouble(value);
    }

    /// <summary>A member of a configuration, or the length of a list, if it is written out.</summary>
    private static SizeExpression? Part(SizeExpression.Record record, string member) =>
        record[member] ?? (member is "Length" or "Count" && record.Members.All(item => char.IsDigit(item.Name[0]))
            ? new SizeExpression.Literal((long)record.Members.Count)
            : null);

    private static object? Same(string operation, bool areSame) => operation switch
    {
        "==" => areSame,
        "!=" => !areSame,
        _ => null,
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
