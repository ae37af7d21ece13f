using System.Text.Json;

namespace Marrow.Language;

/// <summary>
/// Conversations from JSON, JSON lines or Parquet, read as they are needed: a list <c>messages</c> of <c>role</c> and
/// <c>content</c> (a text, or a list of parts that are texts), or ShareGPT's <c>conversations</c> of <c>from</c> and
/// <c>value</c>, each with the system's message as the first or in a field <c>system</c>.
/// A message of <c>weight</c> 0 is not learned.
/// </summary>
public static class ConversationFile
{
    private static readonly (string List, string Role, string Content)[] Forms =
        [("messages", "role", "content"), ("conversations", "from", "value"), ("conversations", "role", "content")];

    private static readonly string[] Calls = ["tool_calls", "function_call"];

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

        return messages.Exists(message => message.IsLearned)
            ? new(messages, where)
            : throw new TextDataException(
                $"{where}: its conversation has no message of the assistant that is to be learned; leave it out.");
    }

    private static ChatMessage Message(JsonElement message, string role, string content, string where)
    {
        var name = RecordFile.Text(message, role, where)!;
        if (Array.Find(Calls, call => IsThere(message, call)) is { } tools)
        {
            throw new TextDataException(
                $"{where}: it calls tools ({tools}), which is not supported; leave the conversation out.");
        }

        var said = new ChatMessage(
            Roles.TryGetValue(name, out var known)
                ? known
                : throw new TextDataException(
                    $"{where}: the {role} {CheckpointException.Quote(name)} is not known; these are: "
                    + $"{string.Join(", ", Roles.Keys)}."),
            RecordFile.Text(message, content, where)
                ?? Parts(message, content, where)
                ?? throw new TextDataException($"{where}: its {content} is no text; leave the conversation out."));
        return said with { IsLearned = said.IsLearned && HasWeight(message, where) };
    }

    /// <summary>Whether a message counts; those of weight 0 are only read.</summary>
    private static bool HasWeight(JsonElement message, string where) =>
        !IsThere(message, "weight") || (message.GetProperty("weight") is { ValueKind: JsonValueKind.Number } weight
            && weight.GetDouble() is 0 or 1
            ? weight.GetDouble() == 1
            : throw new TextDataException($"{where}: its weight is neither 0 nor 1; write one of them."));

    private static bool IsThere(JsonElement message, string field) =>
        message.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null
            && !(value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0);

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
