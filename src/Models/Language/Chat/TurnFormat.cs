namespace Marrow.Language;

/// <summary>Conversations in which every message is a turn with a header that names its role.</summary>
public sealed class TurnFormat : ChatFormat
{
    private const string Role = "{role}";

    /// <summary>What the text begins with.</summary>
    public string Begin { get; init; } = "";

    /// <summary>What a turn begins with; <c>{role}</c> stands for system, user or assistant.</summary>
    public required string Header { get; init; }

    /// <summary>What ends a turn; the assistant learns to write it.</summary>
    public required string End { get; init; }

    /// <summary>What stands between a turn's end and the next turn.</summary>
    public string Separator { get; init; } = "";

    /// <summary>The system's message where a conversation has none; null for none.</summary>
    public string? DefaultSystem { get; init; }

    /// <summary>Whether white space around messages goes.</summary>
    public bool Trims { get; init; }

    /// <summary>What the assistant's header is at the end of a prompt, if not <see cref="Header"/>.</summary>
    internal string? Prompt { get; init; }

    /// <summary>When a prompt ends with the assistant's header.</summary>
    internal PromptRule PromptRule { get; init; }

    /// <summary>What ends a text that is no prompt.</summary>
    internal string TextEnd { get; init; } = "";

    /// <summary>Whether user and assistant must speak in turns.</summary>
    internal bool RequiresTurns { get; init; }

    /// <summary>Which messages of the system are left out.</summary>
    internal Func<string, bool> SkipsSystem { get; init; } = _ => false;

    /// <inheritdoc/>
    public override IEnumerable<ChatPart> Parts(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        if (RequiresTurns)
        {
            RequireTurns(Split(messages).Others);
        }

        yield return new(Begin);
        if (DefaultSystem is not null && messages is not [{ Role: ChatRole.System }, ..])
        {
            yield return new(HeaderOf(ChatRole.System) + DefaultSystem + End + Separator);
        }

        foreach (var message in messages)
        {
            var (role, content) = message;
            if (role == ChatRole.System && SkipsSystem(content))
            {
                continue;
            }

            if (!(PromptRule == PromptRule.BehindUser && role == ChatRole.Assistant))
            {
                yield return new(HeaderOf(role));
            }

            var text = Trims ? ChatTemplate.Trim(content) : content;
            yield return new(text + End, message.IsLearned);
            yield return new(Separator);
            if (PromptRule == PromptRule.BehindUser && role == ChatRole.User)
            {
                yield return new(HeaderOf(ChatRole.Assistant));
            }
        }

        var prompts = PromptRule switch
        {
            PromptRule.Requested => addGenerationPrompt,
            PromptRule.RequestedBehindUser => addGenerationPrompt && messages is not [.., { Role: ChatRole.Assistant }],
            PromptRule.Always => true,
            _ => false,
        };
        yield return new(prompts ? Prompt ?? HeaderOf(ChatRole.Assistant) : addGenerationPrompt ? "" : TextEnd);
    }

    private string HeaderOf(ChatRole role) => Header.Replace(Role, Name(role), StringComparison.Ordinal);
}

/// <summary>When a template writes the assistant's header for an answer to come.</summary>
internal enum PromptRule
{
    Requested,
    RequestedBehindUser,
    Always,
    BehindUser,
    Never,
}
