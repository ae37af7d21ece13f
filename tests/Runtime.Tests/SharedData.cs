using Xunit;

namespace Marrow.Tests;

/// <summary>
/// Real data beside the repository (../shared); a test that needs it is skipped where it is not there. On CI, where the
/// variable CI is set, it fails instead: only hardware may skip a test there.
/// </summary>
internal static class SharedData
{
    public static string? Root { get; } = Find();

    /// <summary>Path under ../shared; skips the test if it does not exist.</summary>
    public static string Require(string relative)
    {
        var path = Root is null ? null : Path.Combine(Root, relative);
        if (path is not null && Path.Exists(path))
        {
            return path;
        }

        var message = $"../shared/{relative} is not beside the repository";
        Assert.SkipWhen(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")), message);
        Assert.Fail(message);
        return "";
    }

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Marrow.slnx")))
                return Path.Combine(folder.FullName, "..", "shared");
        return null;
    }
}
