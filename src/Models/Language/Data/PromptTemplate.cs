using System.Text.RegularExpressions;

namespace Marrow.Language;

/// <summary>
/// How an instruction is written for a model: what comes before the response, and what before the reasoning of an
/// answer.
/// </summary>
/// <param name="WithoutInput">Text around the instruction, <c>{0}</c>.</param>
/// <param name="WithInput">The same for an instruction with an input, <c>{1}</c>.</param>
/// <param name="Separator">What stands between the prompt and the response.</param>
/// <param name="Reasoning">What evaluation puts behind the prompt, so that the model reasons before it answers.</param>
public sealed partial record PromptTemplate(
    string WithoutInput, string WithInput, string Separator = "", string Reasoning = "")
{
    /// <summary>
    /// Alpaca's, with which the Bone paper trains on MetaMathQA and evaluates GSM8K and MATH (those of MetaMath and
    /// PiSSA).
    /// </summary>
    public static PromptTemplate Alpaca { get; } = new(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        + "### Instruction:\n{0}\n\n### Response:",
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        + "Write a response that appropriately completes the request.\n\n"
        + "### Instruction:\n{0}\n\n### Input:\n{1}\n\n### Response:",
        Separator: " ",
        Reasoning: " Let's think step by step.")
    {
        Stops = ["### Instruction:", "### Input:", "### Response:", "Below is an instruction that describes a task"],
    };

    /// <summary>The dialogue in which RWKV's World models are trained.</summary>
    public static PromptTemplate Rwkv { get; } =
        new("User: {0}\n\nAssistant:", "User: {0}\n{1}\n\nAssistant:", Separator: " ")
        {
            Stops = ["\nUser:", "\nAssistant:"],
        };

    /// <summary>The instruction alone, on a line of its own.</summary>
    public static PromptTemplate Plain { get; } = new("{0}\n", "{0}\n{1}\n");

    /// <summary>The templates by their names.</summary>
    public static IReadOnlyDictionary<string, PromptTemplate> All { get; } = new Dictionary<string, PromptTemplate>
    {
        ["plain"] = Plain,
        ["alpaca"] = Alpaca,
        ["rwkv"] = Rwkv,
    };

    /// <summary>
    /// Texts with which a model goes on to a next prompt of its own: the response ends before the first of them.
    /// </summary>
    public IReadOnlyList<string> Stops { get; init; } = [];

    /// <summary>What comes before the response.</summary>
    public string Prompt(Instruction instruction) =>
        Holes().Replace(
            instruction.Input.Length > 0 ? WithInput : WithoutInput,
            hole => hole.Value == "{0}" ? instruction.Question : instruction.Input);

    // In one pass, as what is filled in may have braces too.
    [GeneratedRegex(@"\{[01]\}")]
    private static partial Regex Holes();
}
