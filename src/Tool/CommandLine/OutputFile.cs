namespace Marrow.Tool.CommandLine;

/// <summary>Files that a verb writes: whole, or not at all.</summary>
internal static class OutputFile
{
    /// <summary>Writes a text.</summary>
    /// <exception cref="ToolException">It cannot be written; what was there before is unchanged.</exception>
    public static void Write(string path, string text)
    {
        try
        {
            AtomicFile.WriteText(path, text);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ToolException(
                $"{path}: it cannot be written ({fault.Message.TrimEnd('.')}); free space or name another place.",
                fault);
        }
    }
}
