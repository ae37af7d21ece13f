using System.Text.Json;
using Marrow.Tokenizers;

namespace Marrow.Language;

/// <summary>
/// How a model wants conversations written. <see cref="Load"/> takes it from the chat template beside the model; where
/// that is of no known family, state it in code, as a <see cref="TurnFormat"/> or in a class derived from this one.
/// </summary>
public abstract class ChatFormat
{
    private const string Remedy =
        "state the format in code, as a TurnFormat or in a class of your own derived from ChatFormat";

    private static readonly Func<ChatTemplate, ChatFormat?>[] Families =
    [
        Llama3Format.Recognize,
        ChatMlFormat.Recognize,
        GemmaFormat.Recognize,
        PhiFormat.Recognize,
        ZephyrFormat.Recognize,
        InstFormat.Recognize,
    ];

    /// <summary>ChatML, in which many base models are fine-tuned: turns between &lt;|im_start|&gt; and
    /// &lt;|im_end|&gt;.</summary>
    public static ChatFormat ChatMl { get; } = new TurnFormat
    {
        Header = "<|im_start|>{role}\n",
        End = "<|im_end|>",
        Separator = "\n",
    };

    /// <summary>The format of a model's own template.</summary>
    /// <param name="folder">The model's folder, with chat_template.jinja, chat_template.json or
    /// tokenizer_config.json.</param>
    /// <exception cref="CheckpointException">There is no template, or one of no known family.</exception>
    public static ChatFormat Load(string folder) =>
        Find(folder) ?? throw new CheckpointException(folder, "it has no chat template", Remedy);

    /// <summary>As <see cref="Load"/>; null if the model has no template.</summary>
    /// <exception cref="CheckpointException">The template is of no known family.</exception>
    public static ChatFormat? Find(string folder)
    {
        if (Template(folder) is not var (file, text))
        {
            return null;
        }

        var tokens = TokenizerFolder.Read(folder);
        return Recognize(text, tokens.Token("bos_token") ?? "", tokens.Token("eos_token") ?? "")
            ?? throw Unknown(file);
    }

    /// <summary>The format of a template.</summary>
    /// <param name="template">Jinja, as in tokenizer_config.json.</param>
    /// <param name="begin">The text of the template's <c>bos_token</c>.</param>
    /// <param name="end">The text of its <c>eos_token</c>.</param>
    /// <exception cref="CheckpointException">It is of no known family.</exception>
    public static ChatFormat Parse(string template, string begin = "", string end = "") =>
        Recognize(template, begin, end) ?? throw Unknown("chat template");

    /// <summary>The text of a conversation, in parts.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="addGenerationPrompt">Whether to end with what comes before an answer of the assistant.</param>
    /// <exception cref="ArgumentException">The format cannot write this conversation; the message says why.</exception>
    public abstract IEnumerable<ChatPart> Parts(
        IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false);

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="addGenerationPrompt">Whether to end with what comes before an answer of the assistant.</param>
    /// <exception cref="ArgumentException">The format cannot write this conversation; the message says why.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt = false) =>
        string.Concat(Parts(messages, addGenerationPrompt).Select(part => part.Text));

    /// <summary>A role as templates name it.</summary>
    private protected static string Name(ChatRole role) => role switch
    {
        ChatRole.System => "system",
        ChatRole.User => "user",
        _ => "assistant",
    };

    /// <summary>The first message, if the system's, and the others.</summary>
    private protected static (string? System, IReadOnlyList<ChatMessage> Others) Split(
        IReadOnlyList<ChatMessage> messages) =>
        messages is [{ Role: ChatRole.System } first, ..] ? (first.Content, [.. messages.Skip(1)]) : (null, messages);

    /// <summary>Refuses what is not said by user and assistant in turns.</summary>
    private protected static void RequireTurns(IReadOnlyList<ChatMessage> messages)
    {
        foreach (var (number, message) in messages.Index())
        {
            if (message.Role != (number % 2 == 0 ? ChatRole.User : ChatRole.Assistant))
            {
                throw new ArgumentException(
                    $"the model's chat format wants user and assistant in turns, and message {number + 1} of these is "
                    + $"the {Name(message.Role)}'s");
            }
        }
    }

    private static CheckpointException Unknown(string file) => new(
        file,
        "its chat template is of no known family (Llama 2 and 3, ChatML, Qwen, Mistral, Gemma, Phi, Zephyr)",
        Remedy);

    private static ChatFormat? Recognize(string text, string begin, string end)
    {
        var template = new ChatTemplate(text, begin, end);
        return template.Raw.Length > 0
            ? ZephyrFormat.Recognize(template) // the only one that writes anything but expressions
            : Families.Select(family => family(template)).FirstOrDefault(format => format is not null);
    }

    private static (string File, string Text)? Template(string folder)
    {
        var jinja = Path.Combine(folder, "chat_template.jinja");
        if (File.Exists(jinja))
        {
            try
            {
                return (jinja, File.ReadAllText(jinja));
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                throw new CheckpointException(
                    jinja, $"it cannot be read ({fault.Message})", "check its permissions", fault);
            }
        }

        foreach (var name in (string[])["chat_template.json", "tokenizer_config.json"])
        {
            var file = Path.Combine(folder, name);
            if (File.Exists(file) && TokenizerJson.Parse(file) is { ValueKind: JsonValueKind.Object } json
                && json.TryGetProperty("chat_template", out var template) && Default(template) is { } text)
            {
                return (file, text);
            }
        }

        return null;
    }

    /// <summary>A template, or the one named default of several.</summary>
    private static string? Default(JsonElement template) => template.ValueKind switch
    {
        JsonValueKind.String => template.GetString(),
        JsonValueKind.Array => template.EnumerateArray()
            .Where(item => item.ValueKind == JsonValueKind.Object
                && item.TryGetProperty("name", out var name) && name.ValueEquals("default")
                && item.TryGetProperty("template", out _))
            .Select(item => item.GetProperty("template").GetString())
            .FirstOrDefault(),
        _ => null,
    };
}
