using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>Emitted sizes are computed as the generator computes them: in 64 bits, and overflow is a fault.</summary>
public class SizesIn64Bits
{
    [Theory]
    [InlineData("[Parameter(\"a * b / 1000000\")]", "Tensor", "[checked(((long)__a * __b) / 1000000)]")]
    [InlineData("[Parameter(\"4 * a\", \"a * 4\", nameof(a))]", "Tensor",
        "[checked(4L * __a), checked(__a * 4L), __a]")]
    [InlineData("[Parameter(\"a * (b + c)\")]", "Tensor", "[checked(__a * ((long)__b + __c))]")]
    [InlineData("[Parameter(\"big * a\")]", "Tensor", "[checked(__big * __a)]")]
    [InlineData("[Parameter(\"a / 2\", \"a % 8\")]", "Tensor", "[__a / 2, __a % 8]")]
    [InlineData("[Parameter(\"a / 2 * b\")]", "Tensor", "[checked((long)(__a / 2) * __b)]")]
    [InlineData("[Parameter(\"a / b\")]", "Tensor", "[(long)__a / __b]")]
    [InlineData("[Parameter(\"-a + b\")]", "Tensor", "[checked((-(long)__a) + __b)]")]
    [InlineData("[Parameter(\"a > 8 ? 2 * a : 4\")]", "Tensor", "[checked((__a > 8) ? (2L * __a) : 4)]")]
    [InlineData("[Dropout(\"rate / 2.0\")]", "Dropout", "(\"layer\", __rate / 2.0)")]
    [InlineData("[Dropout(\"a / 64.0\")]", "Dropout", "(\"layer\", __a / 64.0)")]
    [InlineData("[Dropout(\"a * b * 0.5\")]", "Dropout", "checked(((long)__a * __b) * 0.5)")]
    [InlineData("[Dropout(\"narrow / 3\")]", "Dropout", "(double)__narrow / 3")]
    [InlineData("[Dropout(nameof(narrow))]", "Dropout", "(\"layer\", __narrow)")]
    [InlineData("[Block(\"a * b\", \"narrow * 2\")]", "Inner",
        "Inner(checked(__a * __b), (float)((double)__narrow * 2))")]
    [InlineData("[Block(\"a * b / c\", 1)]", "Inner", "Inner(checked((int)(((long)__a * __b) / __c)), 1)")]
    [InlineData("[Block(nameof(a), nameof(narrow))]", "Inner", "Inner(__a, __narrow)")]
    [InlineData("[Block(\"index * a\", 1, Count = 2)]", "ModuleList<Inner>",
        "index => new global::Inner(checked(index * __a), 1)")]
    [InlineData("[Block(1, double.NaN)]", "Limit", "Limit(1, double.NaN)")]
    [InlineData("[Block(1, double.NegativeInfinity)]", "Limit", "Limit(1, double.NegativeInfinity)")]
    [InlineData("[Quantize(Bits = \"a * 2\"), Linear(8, 8)]", "Linear", "bits: checked(__a * 2)")]
    public void Arithmetic_IsEmittedChecked_AndNamesAsTheyAre(string attributes, string type, string code)
    {
        var emitted = EmittedText.For("Net", $$"""
            [Model]
            public partial class Inner(int size, float rate)
            {
                [Parameter(nameof(size))] public partial Tensor Scale { get; }
                [Forward] private Tensor Network(Tensor x) => x * rate;
            }
            [Model]
            public partial class Limit(int size, double most)
            {
                [Parameter(nameof(size))] public partial Tensor Scale { get; }
                [Forward] private Tensor Network(Tensor x) => x * most;
            }
            [Model]
            public partial class Net(int a, int b, int c, long big, double rate, float narrow)
            {
                {{attributes}} public partial {{type}} Layer { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """);
        Assert.Contains(code, emitted);
    }

    private const string Square = """
        [Model]
        public partial class Square(int a)
        {
            [Parameter("a * a / 1000000")] public partial Tensor Scale { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }

        """;

    [Fact]
    public void Plan_HasTheSizeThatIsBuilt() =>
        Assert.Contains(
            "\"10000\", repeat: 1, parameters: 10000",
            EmittedText.For("Large", Square + "[Model] public partial class Large() : Square(100000);"));

    /// <summary>The user's own arithmetic in a base call is C#'s, with int.</summary>
    [Fact]
    public async Task ArithmeticOfABaseCall_ThatWrapsAround_IsReported() => Assert.Contains(
        "C# computes it as an int",
        (await Markup.Check(Square + """
            [Model] public partial class Twice(int b) : Square(b * b);
            [Model] public partial class Large() : Twice({|MRW003:100000|});
            [Model] public partial class Small() : Twice(1000);
            """))[0].GetMessage());

    [Fact]
    public async Task ValueThatAnIntOfABlockCannotHold_IsReported() => Assert.Contains(
        "'a' is an int",
        (await Markup.Check(Square + """
            [Model]
            public partial class Outer(int b)
            {
                [Block("b * 100000")] public partial Square Inner { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Model] public partial class Large() : Outer({|MRW003:100000|});
            """))[0].GetMessage());

    [Fact]
    public Task Overflow_OfConstants_IsReported() => Markup.Check("""
        [Model]
        public partial class Net
        {
            [Parameter({|MRW003:"9223372036854775807 * 2"|})] public partial Tensor Scale { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        """);
}
