using Marrow.Language;
using Marrow.Tokenizers;

namespace Marrow.Examples.Chat;

/// <summary>What is said so far, as a model wants it written.</summary>
internal abstract class Dialogue
{
    /// <summary>Ids that end an answer.</summary>
    public abstract IReadOnlyList<int> Ends { get; }

    /// <summary>The ids that the model shall continue with the answer to a question.</summary>
    public abstract int[] Ask(string question);

    /// <summary>Hears the answer.</summary>
    public virtual void Answered(string answer)
    {
    }
}

/// <summary>Instructions, each for itself.</summary>
internal sealed class Instructions(Tokenizer tokenizer, PromptTemplate template) : Dialogue
{
    private readonly InstructionEncoder encoder = new(
        tokenizer, template, addBegin: template != PromptTemplate.Rwkv);

    public override IReadOnlyList<int> Ends => tokenizer.EndIds;

    public override int[] Ask(string question) => encoder.EncodePrompt(new(question, ""));
}

/// <summary>A conversation in the format of the model's chat template.</summary>
internal sealed class Conversing(Tokenizer tokenizer, ChatFormat format) : Dialogue
{
    private readonly ChatEncoder encoder = new(tokenizer, format);
    private readonly List<ChatMessage> messages = [];

    public override IReadOnlyList<int> Ends => encoder.Ends;

    public override int[] Ask(string question)
    {
        messages.Add(new(ChatRole.User, question));
        return encoder.EncodePrompt(messages);
    }

    public override void Answered(string answer) => messages.Add(new(ChatRole.Assistant, answer));
}
