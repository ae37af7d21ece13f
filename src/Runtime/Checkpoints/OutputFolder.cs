using Marrow.Checkpoints;

namespace Marrow;

/// <summary>Folders that models and adapters are saved in.</summary>
public static class OutputFolder
{
    /// <summary>
    /// Says that a folder cannot be written to, before the work whose results are to go there. Creates it if it is not
    /// there.
    /// </summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="CheckpointException">No file can be created in it.</exception>
    public static void RequireWritable(string directory) => CheckpointException.Guard(directory, () =>
    {
        Directory.CreateDirectory(directory);
        using var probe = AtomicFile.Create(Path.Combine(directory, ".marrow"));
    });

    /// <summary>
    /// Says that a file cannot be written, before the work whose result it is to hold. What it holds stays. A device,
    /// such as /dev/stdout, is not tried.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CheckpointException">It is a folder, or no file can be created beside it.</exception>
    public static void RequireWritableFile(string path)
    {
        if (Directory.Exists(path))
        {
            throw new CheckpointException(path, "it is a folder, and a file is to be written", "name a file");
        }

        if (!AtomicFile.IsDevice(path))
        {
            RequireWritable(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
    }

    /// <summary>
    /// Finishes a save that was interrupted while its files were put in place. Loading does it; call it before reading
    /// files of the folder otherwise.
    /// </summary>
    /// <param name="directory">The folder; nothing happens if there is none.</param>
    /// <exception cref="CheckpointException">The folder cannot be changed.</exception>
    public static void Complete(string directory) => FolderUpdate.Recover(directory);
}
