namespace Marrow.Tool.CommandLine;

/// <summary>Something that the user can put right. The message is one sentence: what, where, and what to do.</summary>
internal sealed class ToolException(string message, Exception? cause = null) : Exception(message, cause);
