using Marrow.Language;
using Xunit;

namespace Marrow.Tests.Language;

public sealed class FinalAnswerTests
{
    [Theory]
    [InlineData("48/2=24\n#### 72", "72")]
    [InlineData("… The answer is: \\frac{1}{2}\nAnd more", "\\frac{1}{2}")]
    [InlineData("The answer is 5", null)]
    [InlineData("so $\\boxed{\\frac{3}{4}}$.", "\\frac{3}{4}")]
    [InlineData("$\\boxed{1}$ and then \\fbox{x^{2}}", "x^{2}")]
    [InlineData("\\boxed 7$", "7")]
    [InlineData("no answer", null)]
    [InlineData("\\boxed{never closed", null)]
    public void Of_FindsTheMarkedAnswer(string solution, string? answer) =>
        Assert.Equal(answer, FinalAnswer.Of(solution));

    [Theory]
    [InlineData("72", 72.0)]
    [InlineData("$1,234.50.", 1234.5)]
    [InlineData("- 5 apples", -5.0)]
    [InlineData("1,2", 2.0)]
    [InlineData(".5", 0.5)]
    [InlineData("x", null)]
    public void Number_ReadsTheLastNumber(string text, double? number) =>
        Assert.Equal(number, (double?)FinalAnswer.Number(text));

    [Theory]
    [InlineData("It is 72. The answer is: 72", "#### 72", true)]
    [InlineData("#### 1,000", "#### 1000", true)]
    [InlineData("#### $12.00", "#### 12", true)]
    [InlineData("72", "#### 72", false)] // no marker, no answer
    [InlineData("The answer is: 71", "#### 72", false)]
    [InlineData("The answer is: none", "#### 72", false)]
    public void Gsm8k_IsExactMatch(string solution, string reference, bool solved) =>
        Assert.Equal(solved, FinalAnswer.IsGsm8kSolved(solution, reference));

    [Theory]
    [InlineData(@"\frac{1}{2}", "0.5")]
    [InlineData(@"\dfrac{1}{2}", @"\tfrac12")]
    [InlineData("1/2", @"\frac{1}{2}")]
    [InlineData(@"\frac{3}{6}", @"\frac{1}{2}")]
    [InlineData(@"-\frac{1}{2}", "-0.5")]
    [InlineData(@"\frac1{72}", @"\frac{1}{72}")]
    [InlineData(@"\sqrt3", @"\sqrt{3}")]
    [InlineData(@"2\sqrt 3", @"2\sqrt{3}")]
    [InlineData(@"\left(1, 2\right)", "(1,2)")]
    [InlineData(@"10\%", "10")]
    [InlineData(@"90^\circ", "90")]
    [InlineData(@"90^{\circ}", "90")]
    [InlineData(@"5\text{ cm}", "5")]
    [InlineData(@"12 \mbox{ cm}^2", "12")]
    [InlineData(@"\text{(A)}", "(A)")]
    [InlineData("x = 5", "5")]
    [InlineData(@"\$18.90", "18.9")]
    [InlineData("10,000", "10000")]
    [InlineData("10{,}000", "10000")]
    [InlineData(".25", "0.25")]
    [InlineData("3.0", "3")]
    [InlineData(@"\text{Evelyn}", "Evelyn")]
    [InlineData(@"x^2\,+\!1", "x^2+1")]
    public void Math_WaysOfWritingOneAnswer_AreEquivalent(string one, string other)
    {
        Assert.True(MathAnswer.AreEquivalent(one, other), $"{MathAnswer.Normal(one)} and {MathAnswer.Normal(other)}");
        Assert.True(MathAnswer.AreEquivalent(other, one));
    }

    [Theory]
    [InlineData("1", "2")]
    [InlineData(@"\frac{1}{2}", @"\frac{1}{3}")]
    [InlineData(@"\frac{1}{0}", @"\frac{2}{0}")]
    [InlineData("(1,2)", "(2,1)")]
    [InlineData("(1,234)", "(1234)")]
    [InlineData("x+1", "x-1")]
    [InlineData("", "0")]
    [InlineData(@"\frac", "1")]
    public void Math_OtherAnswers_AreNot(string one, string other) =>
        Assert.False(MathAnswer.AreEquivalent(one, other));

    [Fact]
    public void Gsm8k_EveryReferenceSolution_SolvesItsProblem()
    {
        var problems = InstructionFile.Read(Path.Combine(SharedData.Require("data/gsm8k"), "test.jsonl")).ToList();
        var written = InstructionFile.Read(
            Path.Combine(SharedData.Require("data/metamath"), "GSM8K_test.jsonl")).ToList();
        Assert.Equal((1319, 1319), (problems.Count, written.Count));
        Assert.All(problems.Zip(written), pair =>
            Assert.True(FinalAnswer.IsGsm8kSolved(pair.Second.Response, pair.First.Response)));
        Assert.All(problems.Zip(problems.Skip(1)).Where(pair =>
            FinalAnswer.Of(pair.First.Response) != FinalAnswer.Of(pair.Second.Response)), pair =>
            Assert.False(FinalAnswer.IsGsm8kSolved(pair.First.Response, pair.Second.Response)));
    }

    [Fact]
    public void Math_EveryReferenceSolution_SolvesItsProblem()
    {
        var problems = InstructionFile.Read(Path.Combine(SharedData.Require("data/math"), "test.jsonl")).ToList();
        Assert.Equal(5000, problems.Count);
        Assert.All(problems, problem =>
            Assert.True(FinalAnswer.IsMathSolved(problem.Response, problem.Response), problem.Response));
        Assert.All(problems, problem => Assert.True(FinalAnswer.IsMathSolved(
            $"so it is. The answer is: {FinalAnswer.Boxed(problem.Response)!.Replace('\n', ' ')}", problem.Response)));
        Assert.Equal(7, problems.Select(problem => problem.Kind).Distinct().Count());
    }
}
