using System.Text.RegularExpressions;
using Marrow.Language;
using Xunit;

namespace Marrow.Tests.Language;

public sealed partial class MathAnswerTests
{
    [Theory]
    [InlineData(@"\frac{1}{2}", "0.5")]
    [InlineData(@"\dfrac{1}{2}", @"\tfrac12")]
    [InlineData(@"\cfrac{1}{2}", @"\frac 1 2")]
    [InlineData("1/2", @"\frac{1}{2}")]
    [InlineData("-1/2", @"\frac{-1}{2}")]
    [InlineData(@"\pi/2", @"\frac\pi2")]
    [InlineData(@"\frac{\pi}2", @"\frac{\pi}{2}")]
    [InlineData(@"\frac{3}{6}", @"\frac{1}{2}")]
    [InlineData(@"-\frac{1}{2}", "-0.5")]
    [InlineData(@"\frac1{72}", @"\frac{1}{72}")]
    [InlineData(@"\frac ab", @"\frac{a}{b}")]
    [InlineData(@"\sqrt3", @"\sqrt{3}")]
    [InlineData(@"\sqrt\pi", @"\sqrt{\pi}")]
    [InlineData(@"2\sqrt 3", @"2\sqrt{3}")]
    [InlineData(@"2 \sqrt {3}", @"2\sqrt{3}")]
    [InlineData(@"\left(1, 2\right)", "(1,2)")]
    [InlineData(@"\bigl( 1, 2 \bigr)", "(1,2)")]
    [InlineData(@"10\%", "10")]
    [InlineData("10%", "10")]
    [InlineData("10 percent", "10")]
    [InlineData(@"90^\circ", "90")]
    [InlineData(@"90^{\circ}", "90")]
    [InlineData(@"90 ^ { \circ }", "90")]
    [InlineData("90°", "90")]
    [InlineData(@"90\degree", "90")]
    [InlineData(@"90\text{ degrees}", "90^\\circ")]
    [InlineData("90 degrees", "90")]
    [InlineData(@"5\text{ cm}", "5")]
    [InlineData(@"5\text{cm}", "5")]
    [InlineData(@"5\, \text{km}", "5")]
    [InlineData(@"10\;\text{edges}", "10")]
    [InlineData("5 cm^2", "5")]
    [InlineData(@"12 \mbox{ cm}^2", "12")]
    [InlineData(@"144 \mbox{ m}^3", "144")]
    [InlineData(@"8\sqrt{3} \text { square inches}", @"8\sqrt{3}")]
    [InlineData("90\\text{ square\nunits}", "90")]
    [InlineData(@"9\text{ a.m.}", "9")]
    [InlineData(@"\text{(A)}", "(A)")]
    [InlineData(@"\textbf{(A)}", @"\mathrm{(A)}")]
    [InlineData("x = 5", "5")]
    [InlineData("k=5", "5")]
    [InlineData(@"\$18.90", "18.9")]
    [InlineData("$18.90", @"\$18.90")]
    [InlineData("10,000", "10000")]
    [InlineData("10{,}000", "10000")]
    [InlineData(@"10,\!000", "10,000")]
    [InlineData(@"1,\!234,\!567", "1234567")]
    [InlineData(@"(10,\!000, 5)", "(10,000,5)")]
    [InlineData("100,200", "100, 200")]
    [InlineData(".25", "0.25")]
    [InlineData("(.5, -.5)", "(0.5,-0.5)")]
    [InlineData("3.0", "3")]
    [InlineData("5.", "5")]
    [InlineData(@"\text{Evelyn}", "Evelyn")]
    [InlineData(@"x^2\,+\!1", "x^2+1")]
    [InlineData("x^{2}", "x^2")]
    [InlineData("2516_{8}", "2516_8")]
    [InlineData("\u22125", "-5")]
    [InlineData(@"2\times3", @"2\cdot 3")]
    [InlineData(@"7, -2, \text{ and } -5", "7, -2, -5")]
    [InlineData(@"19 \text{ and }43", "19, 43")]
    // What stands around an answer.
    [InlineData(@"\(5\)", "5")]
    [InlineData(@"\[5\]", "5")]
    [InlineData("$$5$$", "5")]
    [InlineData("{5}", "5")]
    [InlineData("{{5}}", "5")]
    [InlineData(@"\boxed {5}", "5")]
    [InlineData(@"\fbox{5}", "5")]
    [InlineData(@"$\boxed{5}$", "5")]
    [InlineData("**5**", "5")]
    // Rows, however they are spaced.
    [InlineData(@"\begin{pmatrix} 1 \\ 23 \end{pmatrix}", @"\begin{pmatrix}1\\23\end{pmatrix}")]
    [InlineData(@"\begin{pmatrix} 1 \\23 \end{pmatrix}", "\\begin{pmatrix}\n1\\\\\n23\n\\end{pmatrix}")]
    [InlineData(@"\begin{pmatrix} a \\b \end{pmatrix}", @"\begin{pmatrix}a\\ b\end{pmatrix}")]
    [InlineData(@"\begin{pmatrix} 1 \\[2pt] 2 \end{pmatrix}", @"\begin{pmatrix} 1 \\ 2 \end{pmatrix}")]
    [InlineData(@"\begin{bmatrix} 1 & 2 \\ 3 & 4 \\ \end{bmatrix}", @"\begin{bmatrix}1&2\\3&4\end{bmatrix}")]
    [InlineData(@"\begin{pmatrix} 1 \\\frac12 \end{pmatrix}", @"\begin{pmatrix} 1 \\ \frac{1}{2} \end{pmatrix}")]
    [InlineData(@"\begin{cases} x \\ -y \end{cases}", @"\begin{cases}x\\-y\end{cases}")]
    [InlineData(@"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", @"\begin{pmatrix} 1 \\ 2 \end{pmatrix}")]
    [InlineData(@"\\frac{1}{2}", @"\frac{1}{2}")]
    public void WaysOfWritingOneAnswer_AreEquivalent(string one, string other)
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
    [InlineData("1, 234", "1234")]
    [InlineData("1,2", "12")]
    [InlineData("x+1", "x-1")]
    [InlineData("", "0")]
    [InlineData(@"\frac", "1")]
    [InlineData(@"\frac}", "1")]
    [InlineData(@"\begin{pmatrix} 1 \\ 23 \end{pmatrix}", @"\begin{pmatrix} 12 \\ 3 \end{pmatrix}")]
    [InlineData(@"\begin{bmatrix} 1 \\ 2 \end{bmatrix}", @"\begin{bmatrix} 12 \end{bmatrix}")]
    [InlineData(@"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", @"\begin{pmatrix} 1 & 2 \end{pmatrix}")]
    [InlineData(@"\begin{cases} 1 \\ 23 \end{cases}", @"\begin{cases} 12 \\ 3 \end{cases}")]
    [InlineData(@"2\text{A}", "2")]
    [InlineData(@"2\text{m}", "2")]
    [InlineData(@"2\mathrm{i}", "2")]
    [InlineData(@"4C_{16}", "4_{16}")]
    [InlineData(@"3\text{ or }5", "3")]
    [InlineData(@"19 \text{ and }43", "19")]
    [InlineData(@"\leftarrow", "arrow")]
    [InlineData(@"\rightarrow", "arrow")]
    [InlineData(@"\leftrightarrow", "rightarrow")]
    [InlineData(@"1\cdots5", "1*s5")]
    [InlineData(@"\pi r", "pir")]
    [InlineData("5", "-5")]
    [InlineData("5km", "5")]
    [InlineData("{1}{2}", "1}{2")]
    public void OtherAnswers_AreNot(string one, string other) => Assert.False(
        MathAnswer.AreEquivalent(one, other), $"{MathAnswer.Normal(one)} and {MathAnswer.Normal(other)}");

    [Theory]
    [InlineData(" ", "  ")]
    [InlineData(" ", "\n")]
    [InlineData("", " ")]
    public void EveryReference_Respaced_IsItself(string old, string @new)
    {
        var answers = InstructionFile.Read(Path.Combine(SharedData.Require("data/math"), "test.jsonl"))
            .Select(problem => FinalAnswer.Boxed(problem.Response)!);
        Assert.DoesNotContain(answers, answer => !MathAnswer.AreEquivalent(answer, Respaced(answer)));

        // Spaces around rows, signs of columns and relations, and in place of those that are there.
        string Respaced(string answer) => old.Length > 0
            ? answer.Replace(old, @new, StringComparison.Ordinal)
            : Separators().Replace(answer, " $0 ");
    }

    [Fact]
    public void EveryReference_WithoutTheSpacesAroundRows_IsItself()
    {
        var answers = InstructionFile.Read(Path.Combine(SharedData.Require("data/math"), "test.jsonl"))
            .Select(problem => FinalAnswer.Boxed(problem.Response)!)
            .Where(answer => answer.Contains(@"\\", StringComparison.Ordinal))
            .ToList();
        Assert.Equal(72, answers.Count);
        Assert.DoesNotContain(
            answers, answer => !MathAnswer.AreEquivalent(answer, RowSpaces().Replace(answer, @"\\")));
    }

    [Fact]
    public void ReferencesThatDiffer_AreApart()
    {
        // Those that the way of writing alone tells apart are few: units, percent, fractions.
        var answers = InstructionFile.Read(Path.Combine(SharedData.Require("data/math"), "test.jsonl"))
            .Select(problem => Spaces().Replace(FinalAnswer.Boxed(problem.Response)!, ""))
            .Where(answer => answer.Contains(@"\begin", StringComparison.Ordinal))
            .Distinct()
            .ToList();
        Assert.Equal(answers.Count, answers.Select(MathAnswer.Normal).Distinct().Count());
    }

    [GeneratedRegex(@"\\\\|[&=+]")]
    private static partial Regex Separators();

    [GeneratedRegex(@"\s*\\\\\s*")]
    private static partial Regex RowSpaces();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
