namespace Marrow.Generators.Sizes;

/// <summary>The C# types of size expressions, known or not yet evaluated.</summary>
internal static class StaticType
{
    private const string Int = "int";
    private const string Long = "long";
    private const string Float = "float";
    private const string Double = "double";
    private const string Bool = "bool";
    private const string String = "string";
    private const string Null = "null";

    private static readonly string[] Small = ["sbyte", "byte", "short", "ushort"];

    private static readonly string[] Numeric = [Int, Long, Float, Double];

    /// <summary>Why an expression cannot stand where a value of this kind is wanted, or null if it can.</summary>
    /// <param name="expression">The expression.</param>
    /// <param name="kind">The kind of value that is wanted.</param>
    /// <param name="typeOf">The type of a constructor parameter as C# text.</param>
    public static SizeExpression.Invalid? Mismatch(
        this SizeExpression expression, ValueKind kind, Func<string, string?> typeOf)
    {
        if (expression.Error is not null)
        {
            return null; // reported as what it is
        }

        if (kind != ValueKind.Any
            && expression.Value is double number && (double.IsNaN(number) || double.IsInfinity(number)))
        {
            return new(expression.ToString(), "it is not finite");
        }

        var type = Of(expression, typeOf, out var undefined);
        return undefined ?? (kind, type) switch
        {
            (_, null) or (ValueKind.Any, _) => null,
            (ValueKind.Integer, not (Int or Long)) => new(expression.ToString(), "an integer is expected"),
            (ValueKind.Number, _) when !Numeric.Contains(type) => new(expression.ToString(), "a number is expected"),
            (ValueKind.Boolean, not Bool) => new(expression.ToString(), "true or false is expected"),
            _ => null,
        };
    }

    /// <summary>Why a constructor parameter of this type cannot take an expression, or null if it can.</summary>
    public static SizeExpression.Invalid? Mismatch(
        this SizeExpression expression, string parameter, string parameterType, Func<string, string?> typeOf)
    {
        if (expression.Mismatch(ValueKind.Any, typeOf) is { } error)
        {
            return error;
        }

        var type = Of(expression, typeOf, out _);
        var wanted = parameterType.TrimEnd('?');
        return type is null || expression.Error is not null || type == wanted || Widens(type, wanted)
            || FitsSmall(expression, wanted)
            ? null
            : new(expression.ToString(), $"it is of type {type}, but '{parameter}' is of type {parameterType}");
    }

    private static bool Widens(string from, string to) =>
        Array.IndexOf(Numeric, from) is >= 0 and var small && Array.IndexOf(Numeric, to) > small;

    private static bool FitsSmall(SizeExpression expression, string wanted) => (wanted, expression.Integer) switch
    {
        ("byte", >= byte.MinValue and <= byte.MaxValue) => true,
        ("sbyte", >= sbyte.MinValue and <= sbyte.MaxValue) => true,
        ("short", >= short.MinValue and <= short.MaxValue) => true,
        ("ushort", >= ushort.MinValue and <= ushort.MaxValue) => true,
        ("uint", >= uint.MinValue and <= uint.MaxValue) => true,
        ("ulong", >= 0) => true,
        _ => false,
    };

    /// <summary>The type as C# text; null if it is not known.</summary>
    private static string? Of(
        SizeExpression expression, Func<string, string?> typeOf, out SizeExpression.Invalid? undefined)
    {
        undefined = null;
        switch (expression)
        {
            case SizeExpression.Literal { Constant: var constant }:
                return constant switch
                {
                    _ when expression is SizeExpression.EnumMember member => member.Type,
                    SizeExpression.Missing => Null,
                    long and >= int.MinValue and <= int.MaxValue => Int,
                    long => Long,
                    double => Double,
                    bool => Bool,
                    _ => String,
                };
            case SizeExpression.Name { Parameter: SizeExpression.CopyIndex }:
                return Int;
            case SizeExpression.Name name:
                var parameter = typeOf(name.Parameter);
                return Small.Contains(parameter) ? Int : parameter;
            case SizeExpression.Member { Type: var type }:
                return Small.Contains(type) ? Int : type;
            case SizeExpression.Element { Type: var type }:
                return Small.Contains(type) ? Int : type;
            case SizeExpression.Call { IsCast: true } cast:
                return cast.Function.Trim('(', ')');
            case SizeExpression.Call call:
                var types = call.Arguments.Select(argument => Of(argument, typeOf, out _)).ToArray();
                var widest = types.OrderByDescending(type => Array.IndexOf(Numeric, type)).First();
                return Defined(
                    expression,
                    types.All(type => Numeric.Contains(type)),
                    call.Function == "Sqrt" ? Double : widest,
                    types,
                    ref undefined);
            case SizeExpression.Unary unary:
                var operand = Of(unary.Operand, typeOf, out undefined);
                return Defined(
                    expression,
                    unary.Operator == "!" ? operand is Bool : Numeric.Contains(operand),
                    operand,
                    [operand],
                    ref undefined);
            case SizeExpression.Binary binary:
                var (left, right) = (Of(binary.Left, typeOf, out undefined), Of(binary.Right, typeOf, out var other));
                undefined ??= other;
                var areNumbers = Numeric.Contains(left) && Numeric.Contains(right);
                var wider = Array.IndexOf(Numeric, left) > Array.IndexOf(Numeric, right) ? left : right;
                return binary.Operator switch
                {
                    "&&" or "||" => Defined(
                        expression, left is Bool && right is Bool, Bool, [left, right], ref undefined),
                    "==" or "!=" => Defined(
                        expression,
                        (Numeric.Contains(left?.TrimEnd('?')) && Numeric.Contains(right?.TrimEnd('?')))
                            || left?.TrimEnd('?') == right?.TrimEnd('?')
                            || (left is Null && CanBeNull(right))
                            || (right is Null && CanBeNull(left)),
                        Bool,
                        [left, right],
                        ref undefined),
                    "??" => Defined(
                        expression,
                        CanBeNull(left) && (left == right || left?.TrimEnd('?') is { } given
                            && (given == right || Widens(given, right ?? "") || Widens(right ?? "", given))),
                        Array.IndexOf(Numeric, left?.TrimEnd('?')) > Array.IndexOf(Numeric, right)
                            ? left?.TrimEnd('?')
                            : right,
                        [left, right],
                        ref undefined),
                    "<<" or ">>" => Defined(
                        expression,
                        left is Int or Long && right is Int or Long,
                        left,
                        [left, right],
                        ref undefined),
                    "<" or "<=" or ">" or ">=" => Defined(
                        expression,
                        Numeric.Contains(left?.TrimEnd('?')) && Numeric.Contains(right?.TrimEnd('?')),
                        Bool,
                        [left, right],
                        ref undefined),
                    _ => Defined(expression, areNumbers, wider, [left, right], ref undefined),
                };
            case SizeExpression.Conditional conditional:
                var when = Of(conditional.When, typeOf, out undefined);
                var (then, otherwise) = (
                    Of(conditional.Then, typeOf, out var first), Of(conditional.Otherwise, typeOf, out var second));
                undefined ??= first ?? second;
                var areAlike = then == otherwise || (Numeric.Contains(then) && Numeric.Contains(otherwise));
                return Defined(
                    expression,
                    when is Bool && areAlike,
                    Array.IndexOf(Numeric, then) > Array.IndexOf(Numeric, otherwise) ? then : otherwise,
                    [when, then, otherwise],
                    ref undefined);
            default:
                return null;
        }
    }

    private static bool CanBeNull(string? type) =>
        type is String || type?.EndsWith("?", StringComparison.Ordinal) == true;

    private static string? Defined(
        SizeExpression expression,
        bool isDefined,
        string? type,
        string?[] operands,
        ref SizeExpression.Invalid? undefined)
    {
        if (operands.Contains(null))
        {
            return null;
        }

        if (!isDefined)
        {
            undefined ??= new(expression.ToString(), "its operands have types that it is not defined for");
        }

        return type;
    }
}
