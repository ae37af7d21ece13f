using Marrow.Tokenizers;

namespace Marrow.Language;

/// <summary>
/// Turns conversations into the token ids of their whole text, as the model wants it written. An instruction is a
/// user's message, with its input behind it, and the response its answer.
/// </summary>
/// <param name="tokenizer">The model's own.</param>
/// <param name="format">How the model wants conversations written.</param>
public sealed class ChatEncoder(Tokenizer tokenizer, ChatFormat format) : IInstructionEncoder
{
    private IReadOnlyList<int>? ends;

    /// <summary>All ids that end an answer: the tokenizer's, and the one that ends a turn.</summary>
    public IReadOnlyList<int> Ends => ends ??= [.. tokenizer.EndIds.Append(EndOfTurn()).Distinct()];

    /// <summary>
    /// A conversation; only what assistants say is learned, with the token that ends their turn. A token that
    /// holds the end of a header and the beginning of an answer is learned.
    /// </summary>
    /// <exception cref="TextDataException">The model's format cannot write the conversation.</exception>
    public TokenizedText Encode(Conversation conversation)
    {
        var parts = Parts(conversation.Messages, addGenerationPrompt: false, conversation.Source);
        var text = string.Concat(parts.Select(part => part.Text));
        var ids = tokenizer.Encode(text, addBegin: false);
        var learned = new bool[ids.Length];
        var (position, first) = (0, 0);
        foreach (var (number, part) in parts.Index())
        {
            var next = position + part.Text.Length;
            if (part.IsLearned && part.Text.Length > 0)
            {
                first = number > 0 && parts[number - 1].IsLearned ? first : Tokens(ids, text[..position]);
                var end = Tokens(ids, text[..next]);
                learned.AsSpan(first, Math.Max(0, end - first)).Fill(true);
                first = end;
            }

            position = next;
        }

        return new(ids, learned) { Source = conversation.Source.Length > 0 ? conversation.Source : null };
    }

    /// <summary>The ids that a model shall continue with an answer.</summary>
    /// <exception cref="TextDataException">The model's format cannot write the conversation.</exception>
    public int[] EncodePrompt(IReadOnlyList<ChatMessage> messages) => tokenizer.Encode(
        string.Concat(Parts(messages, addGenerationPrompt: true, source: "").Select(part => part.Text)),
        addBegin: false);

    /// <summary>Those conversations that a context holds, encoded, and how many it does not.</summary>
    /// <exception cref="TextDataException">The model's format cannot write one of them.</exception>
    public (IReadOnlyList<TokenizedText> Fitting, int TooLong) EncodeAll(
        IEnumerable<Conversation> conversations, int? context)
    {
        var all = conversations.Select(Encode).ToList();
        var fitting = all.Where(text => !(text.Length > context)).ToList();
        return (fitting, all.Count - fitting.Count);
    }

    /// <summary>The text of ids.</summary>
    public string Decode(IEnumerable<int> ids) => tokenizer.Decode(ids);

    /// <summary>The text of ids that come one by one, as it grows, in pieces of whole characters.</summary>
    public IEnumerable<string> DecodeStream(IEnumerable<int> ids) => tokenizer.DecodeStream(ids);

    IReadOnlyList<string> IInstructionEncoder.Stops => [];

    TokenizedText IInstructionEncoder.Encode(Instruction instruction) => Encode(new Conversation(
        [.. Asked(instruction), new(ChatRole.Assistant, instruction.Response)], instruction.Source ?? ""));

    int[] IInstructionEncoder.EncodePrompt(Instruction instruction) => EncodePrompt(Asked(instruction));

    private static ChatMessage[] Asked(Instruction instruction) =>
    [
        new(
            ChatRole.User,
            instruction.Input.Length > 0 ? $"{instruction.Question}\n\n{instruction.Input}" : instruction.Question),
    ];

    /// <summary>How many of a text's ids stand for its beginning alone.</summary>
    private int Tokens(int[] ids, string beginning) =>
        ids.AsSpan().CommonPrefixLength(tokenizer.Encode(beginning, addBegin: false));

    private int EndOfTurn()
    {
        var text = Encode(new([new(ChatRole.User, "a"), new(ChatRole.Assistant, "a")]));
        return text.Ids[Array.LastIndexOf(text.Learned, true)];
    }

    private List<ChatPart> Parts(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, string source)
    {
        try
        {
            return [.. format.Parts(messages, addGenerationPrompt)];
        }
        catch (ArgumentException fault)
        {
            var where = source.Length > 0 ? source : "conversation";
            throw new TextDataException(
                $"{where}: {fault.Message.TrimEnd('.')}; leave it out or write it another way.", fault);
        }
    }
}
