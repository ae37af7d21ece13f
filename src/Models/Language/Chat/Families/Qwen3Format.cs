namespace Marrow.Language;

/// <summary>
/// Qwen 3: ChatML in which what an assistant thought stands between &lt;think&gt; and &lt;/think&gt;, in its answer to
/// the last question only.
/// </summary>
/// <param name="turns">ChatML.</param>
internal sealed class Qwen3Format(TurnFormat turns) : ChatFormat
{
    private const string Open = "<think>", Close = "</think>";

    /// <inheritdoc/>
    public override IEnumerable<ChatPart> Parts(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        var question = messages.Count - 1;
        while (question >= 0 && !IsQuestion(messages[question]))
        {
            question--;
        }

        question = question < 0 ? messages.Count - 1 : question;
        foreach (var (number, message) in messages.Index())
        {
            if (message.Role != ChatRole.Assistant)
            {
                foreach (var part in turns.Parts([message]))
                {
                    yield return part;
                }

                continue;
            }

            var (thought, answer) = Thought(message.Content);
            yield return new(turns.Header.Replace("{role}", Name(message.Role), StringComparison.Ordinal));
            var shows = number > question && (number == messages.Count - 1 || thought.Length > 0);
            if (shows)
            {
                // An answer without thoughts does not teach to think nothing.
                yield return new($"{Open}\n{thought.Trim('\n')}\n{Close}\n\n", message.IsLearned && thought.Length > 0);
            }

            yield return new((shows ? answer.TrimStart('\n') : answer) + turns.End, message.IsLearned);
            yield return new(turns.Separator);
        }

        if (addGenerationPrompt)
        {
            foreach (var part in turns.Parts([], addGenerationPrompt: true))
            {
                yield return part;
            }
        }
    }

    private static bool IsQuestion(ChatMessage message) => message.Role == ChatRole.User
        && !(message.Content.StartsWith("<tool_response>", StringComparison.Ordinal)
            && message.Content.EndsWith("</tool_response>", StringComparison.Ordinal));

    private static (string Thought, string Answer) Thought(string content) =>
        content.Contains(Close, StringComparison.Ordinal)
            ? (content.Split(Close)[0].TrimEnd('\n').Split(Open)[^1].TrimStart('\n'),
                content.Split(Close)[^1].TrimStart('\n'))
            : ("", content);
}
