using System.Text;

namespace Marrow.Checkpoints;

/// <summary>
/// Files of a folder that are replaced together; everything else in it stays. New files are written beside the old
/// ones under temporary names. Once all are on the disk a journal is put in place, which is the moment from which the
/// new set counts: whoever opens the folder next finishes what the journal says. Killed before that moment, or stopped
/// by a full disk, the folder holds the old set.
/// </summary>
internal sealed class FolderUpdate : IDisposable
{
    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);

    private readonly string directory;
    private readonly Func<string, Stream> open;
    private readonly string unique = Guid.NewGuid().ToString("N");
    private readonly List<(string Name, Stream Stream)> files = [];
    private readonly HashSet<string> removed = [];
    private bool isCommitted;

    private FolderUpdate(string directory, Func<string, Stream> open) =>
        (this.directory, this.open) = (directory, open);

    /// <summary>Writes files and puts all of them in place, or none.</summary>
    /// <param name="directory">The folder; created if it does not exist.</param>
    /// <param name="fill">Writes the files.</param>
    /// <exception cref="CheckpointException">Something cannot be written.</exception>
    public static void Write(string directory, Action<FolderUpdate> fill) => Write(directory, AtomicFile.OpenNew, fill);

    /// <param name="directory">The folder; created if it does not exist.</param>
    /// <param name="open">Opens a temporary file; tests put a full disk here.</param>
    /// <param name="fill">Writes the files.</param>
    internal static void Write(string directory, Func<string, Stream> open, Action<FolderUpdate> fill) =>
        CheckpointException.Guard(directory, () =>
        {
            if (Directory.Exists(directory))
            {
                Recover(directory);
                RemoveAbandoned(directory);
            }

            using var update = new FolderUpdate(directory, open);
            fill(update);
            update.Commit();
        });

    /// <summary>Finishes an update that was interrupted after its files were complete.</summary>
    /// <exception cref="CheckpointException">The folder cannot be changed, or its journal is no such file.</exception>
    public static void Recover(string directory)
    {
        if (UpdateJournal.Read(directory) is { } journal)
        {
            try
            {
                journal.Apply(directory);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException(
                    directory,
                    $"the last save here was interrupted while files were put in place, and cannot be finished "
                    + $"({error.Message})",
                    "make the folder writable once",
                    error);
            }
        }
    }

    /// <summary>A file to write; it is in place once the whole update is.</summary>
    /// <param name="name">Its name in the folder.</param>
    public Stream Create(string name)
    {
        Directory.CreateDirectory(directory);
        files.Add((name, open(Path.Combine(directory, Temporary(name)))));
        return files[^1].Stream;
    }

    /// <summary>Writes a text file, UTF-8 without a byte order mark.</summary>
    public void WriteText(string name, string text) => Create(name).Write(Encoding.UTF8.GetBytes(text));

    /// <summary>Removes files along with the update, unless it writes them.</summary>
    /// <param name="pattern">Their names, with <c>?</c> for any letter.</param>
    public void Remove(string pattern) =>
        removed.UnionWith(Directory.GetFiles(directory, pattern).Select(file => Path.GetFileName(file)));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, stream) in files)
        {
            try
            {
                stream.Dispose();
            }
            catch (IOException)
            {
                // Its buffer does not fit on the disk either; the file goes anyway, and the first error is on its way.
            }
        }

        if (!isCommitted)
        {
            files.ForEach(file => File.Delete(Path.Combine(directory, Temporary(file.Name))));
        }
    }

    private static void RemoveAbandoned(string directory)
    {
        foreach (var file in new DirectoryInfo(directory).GetFiles($"*{UpdateJournal.Ending}"))
        {
            if (DateTime.UtcNow - file.LastWriteTimeUtc > Abandoned)
            {
                file.Delete();
            }
        }
    }

    private string Temporary(string name) => $"{name}.{unique}{UpdateJournal.Ending}";

    private void Commit()
    {
        foreach (var (_, stream) in files)
        {
            if (stream is FileStream { CanWrite: true } file)
            {
                file.Flush(flushToDisk: true);
            }

            stream.Dispose();
        }

        // What cannot be replaced must be known before the journal promises it.
        if (files.Find(file => Directory.Exists(Path.Combine(directory, file.Name))) is { Name: { } inTheWay })
        {
            throw new CheckpointException(
                directory,
                $"a folder has the name '{inTheWay}' of a file to write",
                "move it away; nothing was changed");
        }

        removed.ExceptWith(files.Select(file => file.Name));
        var journal = new UpdateJournal(
            [.. files.Select(file => (Temporary(file.Name), file.Name))], [.. removed]);
        journal.Write(directory, open);
        isCommitted = true;
        Recover(directory);
    }
}
