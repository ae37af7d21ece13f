namespace Marrow;

/// <summary>
/// A file that appears whole or not at all: written under a temporary name in the same folder, flushed to the disk,
/// then renamed over the target by <see cref="Commit"/>. Disposed without a commit, it leaves the old file as it was. A
/// link stays a link: the file that it leads to is replaced. To a device, such as /dev/stdout, is written directly.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private const string Ending = ".tmp";

    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);

    private readonly string path;
    private readonly string? temporary;
    private bool committed;

    private AtomicFile(string path, Func<string, Stream> open)
    {
        if (IsDevice(path))
        {
            this.path = Path.GetFullPath(path);
            Stream = new FileStream(path, FileMode.Open, FileAccess.Write);
            return;
        }

        this.path = Resolve(path);
        RemoveAbandoned();
        temporary = $"{this.path}.{Guid.NewGuid():N}{Ending}";
        Stream = open(temporary);
    }

    /// <summary>Full path of the file to create or replace.</summary>
    public string Target => path;

    /// <summary>Where the content goes.</summary>
    public Stream Stream { get; }

    /// <summary>Starts writing; the folder must exist.</summary>
    public static AtomicFile Create(string path) => Create(path, OpenNew);

    /// <summary>Writes a whole file.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content.</param>
    public static void Write(string path, Action<Stream> write)
    {
        using var file = Create(path);
        write(file.Stream);
        file.Commit();
    }

    /// <summary>Writes a whole text file, UTF-8 without a byte order mark.</summary>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    /// <summary>Brings all content to the disk; only renaming is left to <see cref="Commit"/>.</summary>
    public void Flush()
    {
        if (Stream is FileStream { CanWrite: true } file) file.Flush(flushToDisk: true);
        Stream.Dispose();
    }

    /// <summary>Puts the file in place.</summary>
    public void Commit()
    {
        Flush();
        if (temporary is not null)
        {
            File.Move(temporary, path, overwrite: true);
        }

        committed = true;
    }

    /// <summary>Deletes the temporary file unless it was committed.</summary>
    public void Dispose()
    {
        if (committed) return;
        try
        {
            Stream.Dispose();
        }
        catch (IOException)
        {
            // Its buffer does not fit on the disk either; the file goes anyway, and the first error is on its way.
        }
        if (temporary is not null)
        {
            File.Delete(temporary);
        }
    }

    /// <summary>The file that a path means: where it leads, if it is a link.</summary>
    internal static string Resolve(string path)
    {
        var full = Path.GetFullPath(path);
        return new FileInfo(full).LinkTarget is null
            ? full
            : File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
    }

    /// <param name="path">The file to create or replace.</param>
    /// <param name="open">Opens the temporary file; tests put a full disk here.</param>
    internal static AtomicFile Create(string path, Func<string, Stream> open) => new(path, open);

    internal static Stream OpenNew(string path) =>
        new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);

    /// <summary>Whether a path is no file to replace but where to write to, such as /dev/stdout.</summary>
    internal static bool IsDevice(string path) => !OperatingSystem.IsWindows()
        && Path.GetDirectoryName(Path.GetFullPath(path)) is "/dev" or "/dev/fd" or "/dev/pts" or "/proc/self/fd";

    /// <summary>Deletes what a process that was killed left of writing this file.</summary>
    private void RemoveAbandoned()
    {
        var (folder, name) = (new DirectoryInfo(Path.GetDirectoryName(path)!), Path.GetFileName(path));
        foreach (var file in folder.Exists ? folder.EnumerateFiles($"{name}.{new string('?', 32)}{Ending}") : [])
        {
            if (Guid.TryParseExact(file.Name[(name.Length + 1)..^Ending.Length], "N", out _)
                && DateTime.UtcNow - file.LastWriteTimeUtc > Abandoned)
            {
                file.Delete();
            }
        }
    }
}
