using Marrow.Examples;
using Marrow.Examples.FineTune.Data;
using Marrow.Language;
using Xunit;

namespace Marrow.Tests.FineTune;

public sealed class ProblemTests
{
    [Fact]
    public void Split_AnswerThatCannotBeScored_IsNamed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder.File("data.jsonl"),
            ["""{"question":"a","answer":"#### 1"}""", """{"question":"b","answer":"one"}"""]);
        var message = Assert.Throws<UserException>(() => ProblemFile.Split(folder.File("data.jsonl"))).Message;
        Assert.Contains("the answer to \"b\" has no final answer", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Split_TrainBesideTest_HoldsTestOut()
    {
        using var folder = new TemporaryFolder();
        var lines = Enumerable.Range(0, 20)
            .Select(i => $$"""{"query":"q{{i}}","response":"<<1+1=2>>The answer is: {{i}}"}""")
            .ToList();
        File.WriteAllLines(folder.File("train.jsonl"), lines);
        Assert.Equal((18, 2), Counts());
        File.WriteAllLines(folder.File("test.jsonl"), lines[..5]);
        Assert.Equal((20, 5), Counts());
        Assert.Equal("The answer is: 0", ProblemFile.Split(folder.File("train.jsonl")).Train[0].Response);

        (int, int) Counts()
        {
            var (train, heldOut, _) = ProblemFile.Split(folder.File("train.jsonl"));
            return (train.Count, heldOut.Count);
        }
    }

    [Fact]
    public void Split_TooFew_SaysSo()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllLines(folder.File("data.jsonl"), ["""{"question":"a","answer":"#### 1"}"""]);
        Assert.Contains("too few", Assert.Throws<UserException>(() =>
            ProblemFile.Split(folder.File("data.jsonl"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GeneratedProblems_SameSeed_AreTheSameAndRight()
    {
        var problems = new GeneratedProblems(3).TwoSteps().Take(500).ToList();
        Assert.Equal(problems, new GeneratedProblems(3).TwoSteps().Take(500));
        Assert.All(problems, problem =>
        {
            var steps = problem.Response.Split('\n');
            Assert.Equal(3, steps.Length);
            Assert.Equal($"#### {steps[1].Split('=')[1]}", steps[2]);
            Assert.True(FinalAnswer.Number(steps[2]) > 0);
        });
    }
}
