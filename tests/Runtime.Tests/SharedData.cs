using Xunit;

namespace Marrow.Tests;

/// <summary>Real data beside the repository (../shared); a test that needs it is skipped where it is not there.</summary>
internal static class SharedData
{
    public static string? Root { get; } = Find();

    /// <summary>Path under ../shared; skips the test if it does not exist.</summary>
    public static string Require(string relative)
    {
        var path = Root is null ? null : Path.Combine(Root, relative);
        Assert.SkipUnless(path is not null && Path.Exists(path), $"../shared/{relative} is not beside the repository");
        return path!;
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Marrow.slnx")))
                return Path.Combine(folder.FullName, "..", "shared");
        return null;
    }
}
