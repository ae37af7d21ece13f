using Marrow.Tokenizers;

namespace Marrow.Language;

/// <summary>What is said so far, as a model wants it written.</summary>
public abstract class Dialogue
{
    /// <summary>Ids that end an answer.</summary>
    public abstract IReadOnlyList<int> Ends { get; }

    /// <summary>
    /// A conversation in the base's chat format, or instructions that stand each for itself, in a template.
    /// </summary>
    /// <param name="from">The base.</param>
    /// <param name="template">
    /// How instructions are written; null: as a conversation, if the base has a chat format, otherwise plain.
    /// </param>
    public static Dialogue Of(BaseModel from, PromptTemplate? template) => template is null && from.Chat is { } format
        ? new Conversing(from.Tokenizer, format)
        : new Instructions(from.Tokenizer, from.Encoder(template ?? PromptTemplate.Plain));

    /// <summary>The ids that the model shall continue with the answer to a question.</summary>
    public abstract int[] Ask(string question);

    /// <summary>Hears the answer.</summary>
    public virtual void Answered(string answer)
    {
    }

    private sealed class Instructions(Tokenizer tokenizer, IInstructionEncoder encoder) : Dialogue
    {
        public override IReadOnlyList<int> Ends => tokenizer.EndIds;

        public override int[] Ask(string question) => encoder.EncodePrompt(new(question, ""));
    }

    private sealed class Conversing(Tokenizer tokenizer, ChatFormat format) : Dialogue
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
}
