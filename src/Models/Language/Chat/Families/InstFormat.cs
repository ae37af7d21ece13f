namespace Marrow.Language;

/// <summary>
/// Llama 2 and Mistral: what a user says stands between [INST] and [/INST], and an answer ends with the token that ends
/// a text. They differ in spaces and in where the system's message goes.
/// </summary>
internal sealed class InstFormat : ChatFormat
{
    private readonly ChatTemplate template;
    private readonly string open, close, answerOpen, answerClose, behindAnswer;
    private readonly bool beginsEachTurn, trimsSystem, trimsQuestions, trimsAnswers;
    private readonly SystemPlace place;
    private readonly string systemOpen = "", systemClose = "\n\n";

    private InstFormat(ChatTemplate template, SystemPlace place, string open, string close)
    {
        (this.template, this.place, this.open, this.close) = (template, place, open, close);
        beginsEachTurn = template.Matches(@"bos_token\s*\+\s*['""] ?\[INST\]");
        trimsSystem = template.Matches(@"messages\[0\]\['content'\]\s*\|\s*trim");
        trimsQuestions = template.Matches(@"(\.strip\(\)|\|\s*trim)\s*\+\s*['""] ?\[/INST\]");
        trimsAnswers = template.Matches(@"(\.strip\(\)|\|\s*trim)\s*\+\s*(['""] ['""]\s*\+\s*)?eos_token");
        answerOpen = template.Matches(@"['""] ['""]\s*\+\s*(message|content)") ? " " : "";
        answerClose = template.Matches(@"['""] ['""]\s*\+\s*eos_token") ? " " : "";
        behindAnswer = template.Matches(@"eos_token\s*\+\s*['""] ['""]") ? " " : "";
        if (place is SystemPlace.FirstQuestionTagged or SystemPlace.OwnTurn)
        {
            systemOpen = template.Find(@"^(<<SYS>>\n|\[SYSTEM_PROMPT\] ?)$") ?? "";
            systemClose = template.Find(@"^(\n<</SYS>>\n\n|\[/SYSTEM_PROMPT\] ?)$") ?? "";
        }
    }

    private enum SystemPlace
    {
        None,
        FirstQuestion,
        FirstQuestionTagged,
        LastQuestion,
        OwnTurn,
    }

    public static ChatFormat? Recognize(ChatTemplate template)
    {
        SystemPlace? place = template.Has("<<SYS>>") ? SystemPlace.FirstQuestionTagged
            : template.Has("[SYSTEM_PROMPT]") ? SystemPlace.OwnTurn
            : template.Matches(@"loop\.last and system_message is defined") ? SystemPlace.LastQuestion
            : template.Matches(@"loop\.(first|index0 == 0) and system_message (is defined|!= false)")
                ? SystemPlace.FirstQuestion
            : template.Has("system_message") ? null
            : SystemPlace.None;
        return !template.HasOwnSystem && template.Has("eos_token") && !template.Has("messages[idx]")
            && place is { } known
            && template.Find(@"^( ?\[INST\] ?)$") is { } open && template.Find(@"^( ?\[/INST\] ?)$") is { } close
            ? new InstFormat(template, known, open, close)
            : null;
    }

    /// <inheritdoc/>
    public override IEnumerable<ChatPart> Parts(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false)
    {
        var (system, others) = Split(messages);
        if (system is not null && place == SystemPlace.None)
        {
            throw new ArgumentException("the model's chat format has no place for a message of the system");
        }

        if (template.RequiresTurns)
        {
            RequireTurns(others);
        }

        system = system is not null && trimsSystem ? ChatTemplate.Trim(system) : system;
        yield return new(beginsEachTurn ? "" : template.Begin);
        if (place == SystemPlace.OwnTurn && system is not null)
        {
            yield return new(systemOpen + system + systemClose);
        }

        foreach (var (number, message) in others.Index())
        {
            var (role, content) = message;
            if (role == ChatRole.Assistant)
            {
                var answer = trimsAnswers ? ChatTemplate.Trim(content) : content;
                yield return new(answerOpen + answer + answerClose + template.End, message.IsLearned);
                yield return new(behindAnswer);
                continue;
            }

            var takesSystem = system is not null && place switch
            {
                SystemPlace.FirstQuestion or SystemPlace.FirstQuestionTagged => number == 0,
                SystemPlace.LastQuestion => number == others.Count - 1,
                _ => false,
            };
            var question = takesSystem ? systemOpen + system + systemClose + content : content;
            yield return new((beginsEachTurn ? template.Begin : "") + open
                + (trimsQuestions ? ChatTemplate.Trim(question) : question) + close);
        }
    }
}
