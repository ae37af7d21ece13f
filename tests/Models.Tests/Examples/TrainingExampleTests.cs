using System.Globalization;
using Xunit;

namespace Marrow.Tests.Examples;

/// <summary>The examples of training, for a few steps.</summary>
public sealed class TrainingExampleTests
{
    [Fact]
    public void Tabular_LearnsTheRule()
    {
        var (code, output, error) = ExampleProcess.Run("Marrow.Tabular.dll", ["300"]);
        Assert.True(code == 0, error);
        var last = output.TrimEnd().Split('\n')[^1].TrimEnd('%', ' ', '\r').Split(' ')[^1];
        Assert.InRange(double.Parse(last, CultureInfo.InvariantCulture), 90, 100); // one answer for all: 57
    }

    [Theory]
    [InlineData("Chat")]
    [InlineData("FineTune")]
    [InlineData("Plans")]
    [InlineData("QuantizeVit")]
    [InlineData("Tabular")]
    [InlineData("UNet")]
    public void Help_IsShown_AndNothingRuns(string example)
    {
        var (code, output, error) = ExampleProcess.Run($"Marrow.{example}.dll", ["--help"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Usage", output, StringComparison.Ordinal);
        Assert.InRange(output.Split('\n').Length, 1, 40);
        (code, _, error) = ExampleProcess.Run($"Marrow.{example}.dll", ["--no-such-option"]);
        Assert.Equal(1, code);
        Assert.Contains("--no-such-option", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void UNet_DrawsWhatItSees()
    {
        var (code, output, error) = ExampleProcess.Run("Marrow.UNet.dll", ["3"]);
        Assert.True(code == 0, error);
        Assert.Contains("Best mean IoU", output, StringComparison.Ordinal);
        Assert.Equal(16, output.TrimEnd().Split('\n').Count(line => line.TrimEnd().Length == 32));
    }
}
