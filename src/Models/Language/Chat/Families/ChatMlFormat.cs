namespace Marrow.Language;

/// <summary>
/// ChatML with its kin: Qwen 1.5 to 3, SmolLM2, and Phi-4, which writes &lt;|im_sep|&gt; in place of newlines.
/// </summary>
internal static class ChatMlFormat
{
    public static ChatFormat? Recognize(ChatTemplate template)
    {
        var trims = template.Matches(@"\|\s*trim\s*\+\s*['""]<\|im_end\|>");
        if (!template.Has("<|im_start|>") || template.HasOwnSystem || template.Trims != trims
            || template.Has("loop.last and add_generation_prompt) or"))
        {
            return null;
        }

        var isPhi = template.Has("<|im_sep|>");
        var behind = isPhi ? "<|im_sep|>" : "\n";
        var thinks = template.Find(@"(<\|im_start\|>assistant\n<think>\n)");
        var turns = new TurnFormat
        {
            Begin = template.Begin,
            Header = "<|im_start|>{role}" + behind,
            End = "<|im_end|>",
            Separator = isPhi ? "" : "\n",
            DefaultSystem = template.Find(@"^<\|im_start\|>system\n(.*)<\|im_end\|>\n?$"),
            Trims = trims,
            Prompt = thinks,
            RequiresTurns = template.RequiresTurns,
            PromptRule = template.HasPromptSwitch ? PromptRule.Requested
                : template.Find(@"(<\|im_start\|>assistant)") is null ? PromptRule.Never
                : isPhi ? PromptRule.BehindUser : PromptRule.Always,
        };
        return !template.Has("</think>") ? turns
            : template.Has("reasoning_content") && template.Has("last_query_index") ? new Qwen3Format(turns)
            : null;
    }
}
