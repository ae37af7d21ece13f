using System.Text.Json;

namespace Marrow.Language;

/// <summary>
/// Conversations from JSON, JSON lines or Parquet, read as they are needed: a list <c>messages</c> of <c>role</c> and
/// <c>content</c> (a text, or a list of parts that are texts), or ShareGPT's <c>conversations</c> of <c>from</c> and
/// <c>value</c>, each with the system's message as the first or in a field <c>system</c>.
/// </summary>
public static class ConversationFile
{
    private static readonly (string List, string Role, string Content)[] Forms =
        [("messages", "role", "content"), ("conversations", "from", "value"), ("conversations", "role", "content")];

    private static readonly Dictionary<string, ChatRole> Roles = new()
    {
        ["system"] = ChatRole.System,
        ["user"] = ChatRole.User,
        ["human"] = ChatRole.User,
        ["assistant"] = ChatRole.Assistant,
        ["gpt"] = ChatRole.Assistant,
    };

    /// <summary>The conversations in the file's order, one at a time.</summary>
    /// <param name="path">A file, a folder of Parquet files, or several as <c>folder/train-*.parquet</c>.</param>
    /// <exception cref="TextDataException">The file cannot be read, or holds something else; the message names the
    /// line, element or row.</exception>
    public static IEnumerable<Conversation> Read(string path) =>
        RecordFile.Read(path).Select(record => Conversation(record.Record, record.Where));

    private static Conversation Conversation(JsonElement record, string where)
    {
        foreach (var (list, role, content) in Forms)
        {
            if (record.ValueKind == JsonValueKind.Object && record.TryGetProperty(list, out var messages)
                && messages.ValueKind == JsonValueKind.Array
                && messages.EnumerateArray().All(message => RecordFile.Text(message, role, where) is not null))
            {
                return Conversation([.. messages.EnumerateArray().Select((message, number) =>
                    Message(message, role, content, $"{where}, message {number + 1}"))], record, where);
            }
        }

        throw new TextDataException(
            $"{where}: it lacks a conversation; write a list messages of role and content, or conversations of from "
            + "and value.");
    }

    private static Conversation Conversation(List<ChatMessage> messages, JsonElement record, string where)
    {
        if (messages.Count == 0)
        {
            throw new TextDataException($"{where}: its conversation has no message; leave it out.");
        }

        if (messages[0].Role != ChatRole.System && RecordFile.Text(record, "system", where) is { Length: > 0 } system)
        {
            messages.Insert(0, new(ChatRole.System, system));
        }

        return messages.Exists(message => message.Role == ChatRole.Assistant)
            ? new(messages, where)
            : throw new TextDataException(
                $"{where}: its conversation has no message of the assistant, so nothing is to be learned; leave it "
                + "out.");
    }

    private static ChatMessage Message(JsonElement message, string role, string content, string where)
    {
        var name = RecordFile.Text(message, role, where)!;
        return new(
            Roles.TryGetValue(name, out var known)
                ? known
                : throw new TextDataException(
                    $"{where}: the {role} {CheckpointException.Quote(name)} is not known; these are: "
                    + $"{string.Join(", ", Roles.Keys)}."),
            RecordFile.Text(message, content, where)
                ?? Parts(message, content, where)
                ?? throw new TextDataException($"{where}: its {content} is no text; leave the conversation out."));
    }

    /// <summary>
    /// A content that is a list of texts, <c>{"type": "text", "text": …}</c>; null if it is no such list.
    /// </summary>
    private static string? Parts(JsonElement message, string content, string where) =>
        message.TryGetProperty(content, out var parts) && parts.ValueKind == JsonValueKind.Array
            ? string.Concat(parts.EnumerateArray().Select((part, number) =>
                part.ValueKind == JsonValueKind.Object ? RecordFile.Text(part, "text", where)
                    ?? throw new TextDataException(
                        $"{where}: part {number + 1} of its {content} is no text; leave the conversation out.")
                : throw new TextDataException(
                    $"{where}: part {number + 1} of its {content} is no object with a text; leave the conversation "
                    + "out.")))
            : null;
}
