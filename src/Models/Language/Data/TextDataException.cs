namespace Marrow.Language;

/// <summary>Texts to train on cannot be used: which file and line, what is wrong, and what to do.</summary>
/// <param name="message">One sentence.</param>
/// <param name="cause">The exception behind it, if any.</param>
public sealed class TextDataException(string message, Exception? cause = null) : Exception(message, cause);
