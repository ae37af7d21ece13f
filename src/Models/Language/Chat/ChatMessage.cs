namespace Marrow.Language;

/// <summary>Who speaks.</summary>
public enum ChatRole
{
    /// <summary>What the assistant is told about the whole conversation; comes first if there is one.</summary>
    System,

    /// <summary>Who asks.</summary>
    User,

    /// <summary>The model.</summary>
    Assistant,
}

/// <summary>What one of a conversation says.</summary>
/// <param name="Role">Who.</param>
/// <param name="Content">What.</param>
public sealed record ChatMessage(ChatRole Role, string Content)
{
    /// <summary>Whether a model that is trained on the conversation learns to say it.</summary>
    public bool IsLearned { get; init; } = Role == ChatRole.Assistant;
}

/// <summary>A conversation.</summary>
/// <param name="Messages">What is said, in order.</param>
/// <param name="Source">Where it was read, for messages; empty if it was not.</param>
public sealed record Conversation(IReadOnlyList<ChatMessage> Messages, string Source = "");

/// <summary>A piece of a conversation's text.</summary>
/// <param name="Text">The text.</param>
/// <param name="IsLearned">Whether the model is to write it: an assistant's words and the token that ends its
/// turn.</param>
public readonly record struct ChatPart(string Text, bool IsLearned = false);
