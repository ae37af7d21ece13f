using System.Runtime.CompilerServices;
using Xunit;

namespace Marrow.Generators.Tests.Harness;

/// <summary>
/// A stand-in for Verify.Xunit with its file convention and call sites: <c>await Verify(text)</c> compares with
/// Class.Method.verified.cs beside the test and writes Class.Method.received.cs on a mismatch. Accepting a change is
/// renaming the file. The package replaces this class by one <c>using static VerifyXunit.Verifier;</c>.
/// </summary>
internal static class Verifier
{
    public static async Task Verify(
        string text, [CallerFilePath] string file = "", [CallerMemberName] string method = "")
    {
        var stem = $"{Path.ChangeExtension(file, null)}.{method}";
        var (verified, received) = ($"{stem}.verified.cs", $"{stem}.received.cs");
        var expected = File.Exists(verified) ? Normal(await File.ReadAllTextAsync(verified)) : null;
        if (Normal(text) == expected)
        {
            File.Delete(received);
            return;
        }

        await File.WriteAllTextAsync(received, Normal(text));
        Assert.Fail(expected is null
            ? $"There is no {verified}; review {received} and rename it."
            : $"The emitted code differs from {verified} {FirstDifference(expected, Normal(text))}; "
                + $"review {received} and rename it.");
    }

    private static string Normal(string text) => text.Replace("\r\n", "\n").TrimStart('\uFEFF').TrimEnd() + "\n";

    private static string FirstDifference(string expected, string text)
    {
        var (old, now) = (expected.Split('\n'), text.Split('\n'));
        var line = Enumerable.Range(0, Math.Min(old.Length, now.Length)).FirstOrDefault(i =>
            old[i] != now[i], Math.Min(old.Length, now.Length));
        return $"from line {line + 1}: '{now.ElementAtOrDefault(line)}' for '{old.ElementAtOrDefault(line)}'";
    }
}
