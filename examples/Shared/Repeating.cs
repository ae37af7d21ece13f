namespace Marrow.Examples;

/// <summary>The command that repeats a run of an example.</summary>
internal static class Repeating
{
    /// <summary>The command as a shell takes it.</summary>
    /// <param name="example">The example's folder.</param>
    public static string Command(string example)
    {
        var arguments = string.Join(' ', Environment.GetCommandLineArgs().Skip(1).Select(Quoted));
        return $"dotnet run -c Release --project examples/{example}"
            + (arguments.Length > 0 ? $" -- {arguments}" : "");
    }

    private static string Quoted(string argument) =>
        argument.Length > 0 && argument.All(letter => char.IsLetterOrDigit(letter) || "-_./,:=+".Contains(letter))
            ? argument
            : $"'{argument.Replace("'", @"'\''")}'";
}
