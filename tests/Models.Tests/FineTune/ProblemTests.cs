using Marrow.Examples;
using Marrow.Examples.FineTune.Data;
using Xunit;

namespace Marrow.Tests.FineTune;

public sealed class ProblemTests
{
    [Theory]
    [InlineData("{\"question\":\"a\"}", "lacks the text fields")]
    [InlineData("{\"question\":1,\"answer\":\"#### 1\"}", "lacks the text fields")]
    [InlineData("{\"question\":\"a\",\"answer\":\"#### one\"}", "ends neither in '#### N'")]
    [InlineData("{\"query\":\"a\",\"response\":\"1\"}", "ends neither in '#### N'")]
    [InlineData("[]", "lacks the text fields")]
    [InlineData("{\"question\":", "not a JSON object")]
    public void Split_BadLine_NamesFileAndLine(string line, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder.File("data.jsonl"), ["""{"question":"a","answer":"#### 1"}""", "", line]);
        var message = Assert.Throws<UserException>(() => ProblemFile.Split(folder.File("data.jsonl"))).Message;
        Assert.StartsWith(folder.File("data.jsonl") + ", line 3: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_TrainBesideTest_HoldsTestOut()
    {
        using var folder = new TemporaryFolder();
        var lines = Enumerable.Range(0, 20).Select(i => $$"""{"query":"q{{i}}","response":"The answer is: {{i}}"}""").ToList();
        File.WriteAllLines(folder.File("train.jsonl"), lines);
        Assert.Equal((18, 2), Counts());
        File.WriteAllLines(folder.File("test.jsonl"), lines[..5]);
        Assert.Equal((20, 5), Counts());

        (int, int) Counts()
        {
            var (train, heldOut, _) = ProblemFile.Split(folder.File("train.jsonl"));
            return (train.Count, heldOut.Count);
        }
    }

    [Theory]
    [InlineData("6*2=12\n#### 1,200", true)]
    [InlineData("#### 7\n#### $1200.", true)]
    [InlineData("#### 1200.0", true)]
    [InlineData("#### 1201", false)]
    [InlineData("1200", false)]
    [InlineData("#### ", false)]
    public void IsSolvedBy_ComparesTheLastNumber(string text, bool expected) =>
        Assert.Equal(expected, Problem.Parse("q", "so it is\n#### 1,200")!.IsSolvedBy(text, Problem.HashMarker));

    [Fact]
    public void Parse_Gsm8kAnswer_LeavesCalculatorMarksOut() =>
        Assert.Equal(new Problem("q", "48/2 = 24 clips", "24"), Problem.Parse("q", "48/2 = <<48/2=24>>24 clips\n#### 24"));

    [Fact]
    public void GeneratedProblems_SameSeed_AreTheSameAndRight()
    {
        var problems = new GeneratedProblems(3).TwoSteps().Take(500).ToList();
        Assert.Equal(problems, new GeneratedProblems(3).TwoSteps().Take(500));
        Assert.All(problems, problem =>
        {
            var steps = problem.Solution.Split('\n');
            Assert.Equal(2, steps.Length);
            Assert.Equal(problem.Answer, steps[1].Split('=')[1]);
            Assert.True(int.Parse(problem.Answer, System.Globalization.CultureInfo.InvariantCulture) > 0);
        });
    }
}
