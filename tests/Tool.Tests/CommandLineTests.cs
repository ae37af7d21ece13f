using Marrow.Tests.Tool.Harness;
using Xunit;

namespace Marrow.Tests.Tool;

/// <summary>What all verbs have in common.</summary>
public sealed class CommandLineTests
{
    [Fact]
    public void Nothing_ShowsTheVerbs() => Assert.Contains("inspect", Call.Succeeds());

    [Fact]
    public void Help_HasAnExample() =>
        Assert.Contains("Example:\n  marrow inspect", Call.Succeeds("inspect", "--help"));

    /// <summary>What an option is by itself stands in its words; a name of C's would be refused when typed.</summary>
    [Theory]
    [InlineData("finetune")]
    [InlineData("plan")]
    [InlineData("export")]
    public void Help_NamesNoValueThatIsRefused(string verb) =>
        Assert.DoesNotMatch(@"One of .*\[default: ", Call.Succeeds(verb, "--help"));

    [Theory]
    [InlineData("did you mean 'inspect'?", "inspct")]
    [InlineData("did you mean '--json'?", "inspect", "x", "--jsn")]
    [InlineData("did you mean '--json'?", "inspect", "--jsn")]
    [InlineData("inspect needs path", "inspect")]
    [InlineData("finetune needs --data", "finetune", "--model", "x")]
    [InlineData("one argument too many", "inspect", "a", "b")]
    public void WrongWords_GetOneSentence(string part, params string[] arguments) =>
        Assert.Contains(part, Call.Fails(arguments));

    [Fact]
    public void ControlC_EndsWithItsCode()
    {
        Assert.Equal(130, Call.Run(new CancellationToken(canceled: true)).Code);
    }

    [Fact]
    public void Verbose_ShowsWhere()
    {
        var call = Call.Run("inspect", "/nope", "--verbose");
        Assert.Contains("   at ", call.Error);
        Assert.Equal(1, call.Code);
    }
}
