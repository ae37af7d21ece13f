namespace Marrow.Language;

/// <summary>
/// Gemma 1 to 3: the assistant is called model, and what the system says stands, from Gemma 3 on, before the user's
/// first words.
/// </summary>
internal sealed class GemmaFormat : ChatFormat
{
    private const string End = "<end_of_turn>", Separator = "\n";

    private readonly string begin;
    private readonly bool trims, takesSystem, requiresTurns;

    private GemmaFormat(ChatTemplate template) => (begin, trims, takesSystem, requiresTurns) = (
        template.Begin, template.Trims, template.Has("first_user_prefix"), template.RequiresTurns);

    public static ChatFormat? Recognize(ChatTemplate template) =>
        template.Has("<start_of_turn>") && template.HasPromptSwitch && !template.HasOwnSystem
            && (template.Has("first_user_prefix") || template.Has("System role not supported"))
            ? new GemmaFormat(template)
            : null;

    /// <inheritdoc/>
    public override IEnumerable<ChatPart> Parts(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        var (system, others) = Split(messages);
        if (system is not null && !takesSystem)
        {
            throw new ArgumentException("the model's chat format has no place for a message of the system");
        }

        if (requiresTurns)
        {
            RequireTurns(others);
        }

        yield return new(begin);
        foreach (var (number, message) in others.Index())
        {
            yield return new(Header(message.Role));
            yield return new(number == 0 && system is not null ? system + "\n\n" : "");
            var text = trims ? ChatTemplate.Trim(message.Content) : message.Content;
            yield return new(text + End, message.IsLearned);
            yield return new(Separator);
        }

        yield return new(addGenerationPrompt ? Header(ChatRole.Assistant) : "");
    }

    private static string Header(ChatRole role) =>
        $"<start_of_turn>{(role == ChatRole.Assistant ? "model" : Name(role))}\n";
}
