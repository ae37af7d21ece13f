using System.Text.Json;
using Marrow.Tool.CommandLine;
using Marrow.Tool.Terminal;
using Xunit;

namespace Marrow.Tests.Tool.Harness;

/// <summary>What a command line printed, run in this process.</summary>
/// <param name="Code">The exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record Call(int Code, string Output, string Error)
{
    /// <summary>Runs it.</summary>
    public static Call Run(params string[] arguments) => Run(CancellationToken.None, arguments);

    /// <summary>Runs it with what Ctrl-C would cancel.</summary>
    public static Call Run(CancellationToken stop, params string[] arguments)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        var code = MarrowCommand.Run(arguments, Screen.Plain(output, error), stop);
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs what must succeed, and returns what it printed.</summary>
    public static string Succeeds(params string[] arguments)
    {
        var call = Run(arguments);
        Assert.True(call.Code == 0, call.Output + call.Error);
        return call.Output;
    }

    /// <summary>Runs what must succeed, and returns its JSON.</summary>
    public static JsonElement Json(params string[] arguments)
    {
        using var json = JsonDocument.Parse(Succeeds([.. arguments, "--json"]));
        return json.RootElement.Clone();
    }

    /// <summary>Runs what must fail, and returns its one sentence.</summary>
    public static string Fails(params string[] arguments)
    {
        var call = Run(arguments);
        Assert.Equal((1, ""), (call.Code, call.Output));
        Assert.StartsWith("error: ", call.Error);
        Assert.Equal(call.Error.Length - 1, call.Error.IndexOf('\n'));
        Assert.DoesNotContain("   at ", call.Error);
        return call.Error["error: ".Length..].TrimEnd();
    }
}
