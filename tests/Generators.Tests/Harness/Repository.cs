namespace Marrow.Generators.Tests.Harness;

/// <summary>The folder that these tests were built in.</summary>
internal static class Repository
{
    /// <summary>Where Marrow.slnx lies.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Marrow.slnx")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
