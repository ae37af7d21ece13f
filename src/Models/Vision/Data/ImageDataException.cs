namespace Marrow.Vision;

/// <summary>Image data that cannot be read: what, where, and what to do.</summary>
/// <param name="path">The file or folder.</param>
/// <param name="fault">What is wrong.</param>
/// <param name="remedy">What to do.</param>
/// <param name="inner">The cause.</param>
public sealed class ImageDataException(string path, string fault, string remedy, Exception? inner = null)
    : Exception($"{path}: {fault}; {remedy}.", inner)
{
    /// <summary>Runs an action, with faults of the file system as this exception.</summary>
    internal static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new ImageDataException(
                path, $"cannot be read ({fault.Message.TrimEnd('.')})", "check the path and its permissions", fault);
        }
    }
}
