namespace Marrow.Language;

/// <summary>
/// Llama 3 and, with a system's message that begins with dates, Llama 3.1 to 3.3. "Today" is the date that the
/// template states, so that a text does not change from day to day.
/// </summary>
/// <param name="turns">The turns of both.</param>
/// <param name="dates">The lines of dates.</param>
internal sealed class Llama3Format(TurnFormat turns, string dates) : ChatFormat
{
    public static ChatFormat? Recognize(ChatTemplate template)
    {
        if (!template.Has("<|start_header_id|>") || !template.Has("<|eot_id|>") || template.HasOwnSystem)
        {
            return null;
        }

        var cutoff = template.Find(@"^(Cutting Knowledge Date: .*\n)$");
        var today = template.Find(@"^(\d{1,2} [A-Z][a-z]+ \d{4})$");
        var turns = new TurnFormat
        {
            Begin = template.Begin,
            Header = "<|start_header_id|>{role}<|end_header_id|>\n\n",
            End = "<|eot_id|>",
            Trims = template.Trims && cutoff is null,
            RequiresTurns = template.RequiresTurns,
            PromptRule = template.HasPromptSwitch ? PromptRule.Requested : PromptRule.Always,
        };
        return cutoff is null ? template.Has("tools") ? null : turns
            : today is not null && template.Has("Today Date: ") && template.Trims
                ? new Llama3Format(turns, $"{cutoff}Today Date: {today}\n\n")
            : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<ChatPart> Parts(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        var (system, others) = Split(messages);
        return turns.Parts(
            [
                new(ChatRole.System, dates + ChatTemplate.Trim(system ?? "")),
                .. others.Select(message => message with { Content = ChatTemplate.Trim(message.Content) }),
            ],
            addGenerationPrompt);
    }
}
