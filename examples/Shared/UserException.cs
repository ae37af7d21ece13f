namespace Marrow.Examples;

/// <summary>Something the user can put right. The message is one clear sentence and all that is shown.</summary>
internal sealed class UserException(string message, Exception? cause = null) : Exception(message, cause);
