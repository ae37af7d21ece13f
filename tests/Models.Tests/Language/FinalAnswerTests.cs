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
    [InlineData("\\boxed {7}", "7")]
    [InlineData("\\boxed  { \\frac{1}{2} }", "\\frac{1}{2}")]
    [InlineData("\\fbox {7}", "7")]
    [InlineData("\\boxed{(-\\infty, 3\\}}", "(-\\infty, 3\\}")]
    [InlineData("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}")]
    [InlineData("no answer", null)]
    [InlineData("\\boxed{never closed", null)]
    [InlineData("\\boxed", "")]
    // A box behind a marker counts first.
    [InlineData("The answer is: $\\boxed{5}$.", "5")]
    [InlineData("The answer is: \\(\\boxed{5}\\).", "5")]
    [InlineData("The answer is:\n\\[\n\\boxed{5}\n\\]", "5")]
    [InlineData("The answer is: $$\n\\boxed{\\frac12}\n$$", "\\frac12")]
    [InlineData("#### \\boxed{18}", "18")]
    [InlineData("$\\boxed{3}$ eggs. The answer is: 5", "5")]
    // Rows of a matrix may stand on lines of their own.
    [InlineData(
        "The answer is: \\begin{pmatrix} 1 \\\\\n2 \\end{pmatrix}\nDone", "\\begin{pmatrix} 1 \\\\\n2 \\end{pmatrix}")]
    // A hash marker without a number is a heading.
    [InlineData("#### Step 2: add\n3 + 4 = 7\n#### 7", "7")]
    [InlineData("#### Step 2: add\n\\boxed{7}", "7")]
    [InlineData("#### 2. Add them up\n3 + 4 = 7\n#### 7", "7")]
    [InlineData("#### 2nd step\nThe answer is: 7", "7")]
    [InlineData("#### Solution\nSo it is 7.", null)]
    [InlineData("#### -$18", "-$18")]
    [InlineData("####18", "18")]
    [InlineData("##### 18", "18")]
    [InlineData("##### Step 2\n#### 18", "18")]
    [InlineData("The answer is: 5The answer is: 6", "5")]
    [InlineData("The answer is: 5. The answer is: 6", "5")]
    [InlineData("The answer is: The answer is: 6", "6")]
    [InlineData("#### **18**", "**18**")]
    // Behind the answer may come sentences, and a next problem.
    [InlineData("The answer is: 5. This is because of 7.", "5")]
    [InlineData("The answer is: $\\frac{1}{2}$. We check that it holds.", "$\\frac{1}{2}$")]
    [InlineData("The answer is: $5$ because it is.", "$5$")]
    [InlineData("The answer is: $3$ and $5$.", "$3$ and $5$")]
    [InlineData("#### 18\n\nQuestion: And now?\n#### 20", "18")]
    [InlineData("The answer is: 18\n\n### Instruction:\nNext\n### Response: The answer is: 20", "18")]
    [InlineData("So $\\boxed{5}$.\n\n### Instruction:\nNext\n\n### Response: $\\boxed{7}$", "5")]
    [InlineData("So $\\boxed{5}$.\n\nUser: Next\n\nAssistant: $\\boxed{7}$", "5")]
    [InlineData("I do not know.\n\nQuestion: Next\nThe answer is: 5", null)]
    [InlineData("It is \\boxed{5}. The answer is:", "5")]
    public void Of_FindsTheMarkedAnswer(string solution, string? answer) =>
        Assert.Equal(answer, FinalAnswer.Of(solution));

    [Theory]
    [InlineData("72", 72.0)]
    [InlineData("$1,234.50.", 1234.5)]
    [InlineData("- 5 apples", -5.0)]
    [InlineData("1,2", 1.0)]
    [InlineData(".5", 0.5)]
    [InlineData("x", null)]
    [InlineData("1,234,567", 1234567.0)]
    [InlineData("1,00,000", 100000.0)]
    [InlineData("1{,}234", 1234.0)]
    [InlineData("1,\\!234", 1234.0)]
    [InlineData("1\\,234", 1234.0)]
    [InlineData("1\u202f234", 1234.0)]
    [InlineData("1 1/2 cups", 1.5)]
    [InlineData("1½ cups", 1.5)]
    [InlineData("-1 1/2", -1.5)]
    [InlineData("\\frac{36}{2}", 18.0)]
    [InlineData("1/0", null)]
    [InlineData("79228162514264337593543950335/.001", null)]
    [InlineData("99999999999999999999999999999999", null)]
    [InlineData("A-18", 18.0)]
    [InlineData("18-20", 18.0)]
    public void Number_ReadsTheFirstNumber(string text, double? number) =>
        Assert.Equal(number, (double?)FinalAnswer.Number(text));

    [Theory]
    [InlineData("It is 72. The answer is: 72", "#### 72", true)]
    [InlineData("#### 1,000", "#### 1000", true)]
    [InlineData("#### $12.00", "#### 12", true)]
    [InlineData("72", "#### 72", false)] // no marker, no answer
    [InlineData("The answer is: 71", "#### 72", false)]
    [InlineData("The answer is: none", "#### 72", false)]
    [InlineData("The answer is: -$18", "#### -18", true)]
    [InlineData("The answer is: $-18", "#### -18", true)]
    [InlineData("The answer is: \u221218", "#### -18", true)]
    [InlineData("The answer is: - 18", "#### -18", true)]
    [InlineData("The answer is: \u2212 $18", "#### -18", true)]
    [InlineData("#### -18", "#### 18", false)]
    [InlineData("#### 18", "#### -18", false)]
    [InlineData("#### 18.", "#### 18", true)]
    [InlineData("#### 18.0", "#### 18", true)]
    [InlineData("#### 18.5", "#### 18", false)]
    [InlineData("#### 18%", "#### 18", true)]
    [InlineData("#### 18\\%", "#### 18", true)]
    [InlineData("#### €18", "#### 18", true)]
    [InlineData("#### USD 18", "#### 18", true)]
    [InlineData("#### Eggs 18", "#### 18", false)] // a heading
    [InlineData("The answer is: USD 18", "#### 18", true)]
    [InlineData("The answer is: US$ 18", "#### 18", true)]
    [InlineData("The answer is: \\$18", "#### 18", true)]
    [InlineData("The answer is: 36/2", "#### 18", true)]
    [InlineData("The answer is: 3/18", "#### 18", false)]
    [InlineData("The answer is: 18/20", "#### 18", false)]
    [InlineData("The answer is: $\\frac{36}{2}$", "#### 18", true)]
    [InlineData("The answer is: 18 dollars for 3 hours", "#### 18", true)]
    [InlineData("The answer is: 18 cm^2", "#### 18", true)]
    [InlineData("The answer is: 18 out of 20", "#### 18", true)]
    [InlineData("The answer is: 18 out of 20", "#### 20", false)]
    [InlineData("The answer is: she has 18 left of 20", "#### 18", true)]
    [InlineData("The answer is: 18\n\nQuestion: He has 5.\nThe answer is: 5", "#### 18", true)]
    [InlineData("The answer is: 18\n\nQuestion: He has 5.\nThe answer is: 5", "#### 5", false)]
    [InlineData("The answer is: 18 The answer is: 5", "#### 18", true)]
    [InlineData("#### 18\n#### 5", "#### 18", true)]
    [InlineData("The answer is: $\\boxed{18}$.", "#### 18", true)]
    [InlineData("The answer is: \\boxed{\\$1{,}800}", "#### 1,800", true)]
    [InlineData("The answer is:\n18", "#### 18", true)]
    [InlineData("The answer is: **18**", "#### 18", true)]
    [InlineData("\\boxed{18}", "18", true)]
    public void Gsm8k_IsExactMatch(string solution, string reference, bool solved) =>
        Assert.Equal(solved, FinalAnswer.IsGsm8kSolved(solution, reference));

    [Theory]
    [InlineData("The answer is: 3", "so $\\boxed{(3, 5)}$", false)]
    [InlineData("The answer is: $(3,5)$.", "so $\\boxed{(3, 5)}$", true)]
    [InlineData("The answer is: 18 eggs of 20", "#### 18", true)]
    [InlineData("The answer is: 18 eggs", "#### 18\nThe answer is: 18", true)]
    [InlineData("\\boxed{90°}", "The answer is: 90^\\circ", true)]
    public void IsSolved_ScoresAsTheReferenceIsMarked(string solution, string reference, bool solved) =>
        Assert.Equal(solved, FinalAnswer.IsSolved(solution, reference));

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

    [Theory]
    [InlineData("The answer is: {0}.")]
    [InlineData("The answer is: ${0} for 3 hours of 5")]
    [InlineData("The answer is: $\\boxed{{{0}}}$.")]
    [InlineData("#### Step 1: count 7\n#### {0}\n\nQuestion: next\n#### 3.25")]
    [InlineData("The answer is: {0} cm^2\nThe answer is: 3.25")]
    [InlineData("The answer is: {0}.00 dollars")]
    public void Gsm8k_EveryReferenceNumber_WrittenOtherwise_Counts(string format)
    {
        Assert.All(
            InstructionFile.Read(Path.Combine(SharedData.Require("data/gsm8k"), "test.jsonl")),
            problem => Assert.True(FinalAnswer.IsGsm8kSolved(
                string.Format(null, format, FinalAnswer.Of(problem.Response)), problem.Response), problem.Response));
    }

    [Fact]
    public void Math_EveryReferenceSolution_SolvesItsProblem()
    {
        var problems = InstructionFile.Read(Path.Combine(SharedData.Require("data/math"), "test.jsonl")).ToList();
        Assert.Equal(5000, problems.Count);
        Assert.All(problems, problem =>
            Assert.True(FinalAnswer.IsMathSolved(problem.Response, problem.Response), problem.Response));
        Assert.Equal(7, problems.Select(problem => problem.Kind).Distinct().Count());
    }

    [Theory]
    [InlineData("The answer is: {0}")]
    [InlineData("The answer is: {0}.")]
    [InlineData("The answer is: ${0}$.")]
    [InlineData("The answer is: $\\boxed{{{0}}}$.")]
    [InlineData("The answer is: \\(\\boxed{{{0}}}\\). Now we check it.")]
    [InlineData("The answer is: \\[\n\\boxed{{{0}}}\n\\]")]
    [InlineData("so it is $\\boxed {{{0}}}$\n\n### Instruction:\nNext\n### Response: \\boxed{{17}}")]
    [InlineData("so it is $\\fbox{{$ {0} $}}$")]
    public void Math_EveryReferenceAnswer_WrittenOtherwise_Counts(string format)
    {
        var wrong = InstructionFile.Read(Path.Combine(SharedData.Require("data/math"), "test.jsonl"))
            .Where(problem => !FinalAnswer.IsMathSolved(
                string.Format(null, format, FinalAnswer.Boxed(problem.Response)), problem.Response))
            .Select(problem => FinalAnswer.Boxed(problem.Response));
        Assert.Empty(wrong);
    }
}
