namespace Marrow.Language;

/// <summary>Phi-3, 3.5 and Phi-4 mini: turns that end with &lt;|end|&gt;. Phi-4 writes ChatML.</summary>
internal static class PhiFormat
{
    public static ChatFormat? Recognize(ChatTemplate template)
    {
        var namesRoles = template.Matches(@"['""]<\|['""]\s*\+\s*message");
        if (!template.Literals.Any(literal => literal.StartsWith("<|end|>", StringComparison.Ordinal))
            || !(namesRoles || template.Find(@"^(<\|user\|>)") is not null)
            || template.Has("<|channel|>") || template.HasOwnSystem)
        {
            return null;
        }

        var newline = template.Literals.Any(literal => literal.Contains('\n', StringComparison.Ordinal)) ? "\n" : "";
        var takesSystem = namesRoles || template.Find(@"^(<\|system\|>)") is not null;
        var skipsEmpty = template.Matches(@"['""]system['""] and message\[['""]content['""]\]");
        return new TurnFormat
        {
            Begin = template.Begin,
            Header = "<|{role}|>" + newline,
            End = "<|end|>",
            Separator = newline,
            Trims = template.Trims,
            RequiresTurns = template.RequiresTurns,
            SkipsSystem = content => !takesSystem || (skipsEmpty && content.Length == 0),
            PromptRule = !template.HasPromptSwitch ? PromptRule.BehindUser
                : template.Has("messages[-1]['role'] != 'assistant'") ? PromptRule.RequestedBehindUser
                : PromptRule.Requested,
            TextEnd = template.Matches(@"else\s*-?%\}\s*\{\{-?\s*eos_token") ? template.End : "",
        };
    }
}
