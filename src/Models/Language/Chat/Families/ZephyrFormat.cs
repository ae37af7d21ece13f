namespace Marrow.Language;

/// <summary>Zephyr and TinyLlama: turns that end with the token that ends a text.</summary>
internal static class ZephyrFormat
{
    private const int Roles = 3;

    public static ChatFormat? Recognize(ChatTemplate template)
    {
        var namesRoles = template.Matches(@"['""]<\|['""]\s*\+\s*message");
        var ends = template.Text.Split("eos_token").Length - 1;
        if (template.Raw.Trim('\n').Length > 0 || template.HasOwnSystem
            || template.Has("<|end|>") || template.Has("not loop.last")
            || template.Find(@"^(<\|assistant\|>)") is null || !template.HasPromptSwitch
            || !(namesRoles ? ends == 1 : ends == Roles && template.Find(@"^(<\|user\|>\n)$") is not null))
        {
            return null;
        }

        // Jinja drops the newline behind a statement, and keeps the one behind what it writes.
        return new TurnFormat
        {
            Begin = template.Begin,
            Header = "<|{role}|>\n",
            End = template.End,
            Separator = template.Matches(@"eos_token\s*\+\s*['""](\\n|\n)['""]|eos_token\s*\}\}\n") ? "\n" : "",
            Trims = template.Trims,
            RequiresTurns = template.RequiresTurns,
            Prompt = "<|assistant|>" + (template.Matches(
                @"<\|assistant\|>(\\n|\n)['""]\s*-?\}\}|<\|assistant\|>['""]\s*\}\}\n") ? "\n" : ""),
        };
    }
}
