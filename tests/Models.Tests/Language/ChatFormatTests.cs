using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Language;
using Marrow.Tokenizers;
using Xunit;

namespace Marrow.Tests.Language;

/// <summary>Chat templates, by family; the expected texts are Jinja's with transformers' settings.</summary>
public sealed class ChatFormatTests : IDisposable
{
    private const string Turns =
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must "
        + "alternate user/assistant/user/assistant/...') }}{% endif %}";

    private const string PhiBody =
        "{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + "
        + "'<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}"
        + "{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}"
        + "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}";

    private const string ChatMlBody =
        "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private const string DatedLlama =
        "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- set date_string = \"26 Jul 2024\" %}\n"
        + "{%- endif %}\n\n{#- The system's message comes first. #}\n{%- if messages[0]['role'] == 'system' %}\n"
        + "    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n"
        + "{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n"
        + "{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}\n"
        + "{{- \"Cutting Knowledge Date: December 2023\\n\" }}\n{{- \"Today Date: \" + date_string + \"\\n\\n\" }}\n"
        + "{{- system_message }}\n{{- \"<|eot_id|>\" }}\n{%- for message in messages %}\n"
        + "    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + "
        + "'<|eot_id|>' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n"
        + "    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n{%- endif %}\n";

    private static readonly ChatMessage[] Messages =
    [
        new(ChatRole.System, "Be terse."),
        new(ChatRole.User, " Hi\n"),
        new(ChatRole.Assistant, " Yo "),
        new(ChatRole.User, "And?"),
    ];

    private readonly TemporaryFolder folder = new();

    /// <summary>A template, the text of <see cref="Messages"/> and that of the prompt; without the system's message if
    /// the text has none.</summary>
    public static TheoryData<string, string, string, string> Families => new()
    {
        {
            "llama 3",
            "{% for message in messages %}{% set content = '<|start_header_id|>' + message['role'] + "
            + "'<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}"
            + "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
            "<s><|start_header_id|>system<|end_header_id|>\n\nBe terse.<|eot_id|><|start_header_id|>user"
            + "<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYo<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\nAnd?<|eot_id|>",
            "<|start_header_id|>assistant<|end_header_id|>\n\n"
        },
        {
            "llama 3.1",
            DatedLlama,
            "<s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: "
            + "26 Jul 2024\n\nBe terse.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\nYo<|eot_id|><|start_header_id|>user<|end_header_id|>"
            + "\n\nAnd?<|eot_id|>",
            "<|start_header_id|>assistant<|end_header_id|>\n\n"
        },
        {
            "llama 2",
            "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
            + "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}"
            + "{% endif %}{% for message in loop_messages %}" + Turns + "{% if loop.index0 == 0 and system_message != "
            + "false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
            + "{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}"
            + "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
            + "{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
            "<s>[INST] <<SYS>>\nBe terse.\n<</SYS>>\n\n Hi [/INST] Yo </s><s>[INST] And? [/INST]",
            ""
        },
        {
            "mistral v0.1",
            "{{ bos_token }}{% for message in messages %}" + Turns + "{% if message['role'] == 'user' %}{{ '[INST] ' + "
            + "message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + "
            + "eos_token + ' ' }}{% endif %}{% endfor %}",
            "<s>[INST]  Hi\n [/INST] Yo </s> [INST] And? [/INST]",
            ""
        },
        {
            "mistral v1",
            "{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content'] %}\n"
            + "    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set loop_messages = messages %}\n"
            + "{%- endif %}\n\n{{- bos_token }}\n{%- for message in loop_messages %}\n"
            + "    {%- if message['role'] == 'user' %}\n"
            + "        {%- if loop.first and system_message is defined %}\n"
            + "            {{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}\n"
            + "        {%- else %}\n            {{- ' [INST] ' + message['content'] + ' [/INST]' }}\n"
            + "        {%- endif %}\n    {%- elif message['role'] == 'assistant' %}\n"
            + "        {{- ' ' + message['content'] + eos_token}}\n    {%- endif %}\n{%- endfor %}\n",
            "<s> [INST] Be terse.\n\n Hi\n [/INST]  Yo </s> [INST] And? [/INST]",
            ""
        },
        {
            "mistral v3",
            "{%- if messages[0][\"role\"] == \"system\" %}\n    {%- set system_message = messages[0][\"content\"] %}\n"
            + "    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set loop_messages = messages %}\n"
            + "{%- endif %}\n{{- bos_token }}\n{%- for message in loop_messages %}\n"
            + "    {%- if message[\"role\"] == \"user\" %}\n"
            + "        {%- if loop.last and system_message is defined %}\n"
            + "            {{- \"[INST] \" + system_message + \"\\n\\n\" + message[\"content\"] + \"[/INST]\" }}\n"
            + "        {%- else %}\n            {{- \"[INST] \" + message[\"content\"] + \"[/INST]\" }}\n"
            + "        {%- endif %}\n    {%- elif message[\"role\"] == \"assistant\" %}\n"
            + "        {{- \" \" + message[\"content\"]|trim + eos_token}}\n    {%- endif %}\n{%- endfor %}\n",
            "<s>[INST]  Hi\n[/INST] Yo</s>[INST] Be terse.\n\nAnd?[/INST]",
            ""
        },
        {
            "chatml",
            "{% for message in messages %}" + ChatMlBody,
            "<|im_start|>system\nBe terse.<|im_end|>\n<|im_start|>user\n Hi\n<|im_end|>\n<|im_start|>assistant\n Yo "
            + "<|im_end|>\n<|im_start|>user\nAnd?<|im_end|>\n",
            "<|im_start|>assistant\n"
        },
        {
            "phi 4",
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '<|im_sep|>' + message['content'] + "
            + "'<|im_end|>'}}{% endfor %}{% if add_generation_prompt %}"
            + "{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}",
            "<|im_start|>system<|im_sep|>Be terse.<|im_end|><|im_start|>user<|im_sep|> Hi\n<|im_end|><|im_start|>"
            + "assistant<|im_sep|> Yo <|im_end|><|im_start|>user<|im_sep|>And?<|im_end|>",
            "<|im_start|>assistant<|im_sep|>"
        },
        {
            "gemma 2",
            "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
            + "{% endif %}{% for message in messages %}" + Turns
            + "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}"
            + "{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + "
            + "message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}"
            + "{{'<start_of_turn>model\n'}}{% endif %}",
            "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nYo<end_of_turn>\n<start_of_turn>user\nAnd?"
            + "<end_of_turn>\n",
            "<start_of_turn>model\n"
        },
        {
            "gemma 3",
            "{{ bos_token }}\n{%- if messages[0]['role'] == 'system' -%}\n    {%- set first_user_prefix = "
            + "messages[0]['content'] + '\n\n' -%}\n    {%- set loop_messages = messages[1:] -%}\n{%- else -%}\n"
            + "    {%- set first_user_prefix = \"\" -%}\n    {%- set loop_messages = messages -%}\n{%- endif -%}\n"
            + "{%- for message in loop_messages -%}\n    {%- if (message['role'] == 'assistant') -%}\n"
            + "        {%- set role = \"model\" -%}\n    {%- else -%}\n        {%- set role = message['role'] -%}\n"
            + "    {%- endif -%}\n    {{ '<start_of_turn>' + role + '\n' + (first_user_prefix if loop.first else \"\") "
            + "}}\n    {%- if message['content'] is string -%}\n        {{ message['content'] | trim }}\n"
            + "    {%- endif -%}\n    {{ '<end_of_turn>\n' }}\n{%- endfor -%}\n{%- if add_generation_prompt -%}\n"
            + "    {{'<start_of_turn>model\n'}}\n{%- endif -%}\n",
            "<s><start_of_turn>user\nBe terse.\n\nHi<end_of_turn>\n<start_of_turn>model\nYo<end_of_turn>\n"
            + "<start_of_turn>user\nAnd?<end_of_turn>\n",
            "<start_of_turn>model\n"
        },
        {
            "zephyr",
            "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + "
            + "eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + "
            + "eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + "
            + "eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n"
            + "{% endif %}\n{% endfor %}",
            "<|system|>\nBe terse.</s>\n<|user|>\n Hi\n</s>\n<|assistant|>\n Yo </s>\n<|user|>\nAnd?</s>\n",
            "<|assistant|>\n"
        },
    };

    public void Dispose() => folder.Dispose();

    [Theory, MemberData(nameof(Families))]
    public void Render_IsWhatTheTemplateGives(string family, string template, string text, string prompt)
    {
        var format = ChatFormat.Parse(template, "<s>", "</s>");
        var messages = text.Contains("terse", StringComparison.Ordinal) ? Messages : Messages[1..];
        Assert.Equal((family, text), (family, format.Render(messages)));
        Assert.Equal(text + prompt, format.Render(messages, addGenerationPrompt: true));
        Assert.Equal("Yo", Assert.Single(Learned(format, messages)).Replace("</s>", "").Split('<')[0].Trim());
    }

    [Fact]
    public void Render_Phi3_EndsATextThatIsNoPrompt()
    {
        var format = ChatFormat.Parse(PhiBody, "<s>", "<|endoftext|>");
        Assert.Equal("<|user|>\na<|end|>\n<|endoftext|>", format.Render([new(ChatRole.User, "a")]));
        Assert.Equal("<|user|>\na<|end|>\n<|assistant|>\n", format.Render([new(ChatRole.User, "a")], true));
    }

    [Fact]
    public void Render_WithoutASystemsMessage_TakesTheTemplatesOwn()
    {
        var format = ChatFormat.Parse(
            "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
            + "{{ '<|im_start|>system\nYou are Odd, made by \\'us\\'.<|im_end|>\n' }}{% endif %}" + ChatMlBody);
        Assert.StartsWith(
            "<|im_start|>system\nYou are Odd, made by 'us'.<|im_end|>\n<|im_start|>user\n",
            format.Render(Messages[1..]));
        Assert.StartsWith("<|im_start|>system\nBe terse.<|im_end|>\n", format.Render(Messages));
    }

    [Theory]
    [InlineData("llama3_1")]
    [InlineData("qwen3")]
    public void Chats_GiveTheTemplatesTextsAndIds(string name)
    {
        var source = SharedData.Require($"data/tokenizers/{name}");
        using var tokenizer = Tokenizer.Load(source);
        var format = ChatFormat.Load(source);
        var encoder = new ChatEncoder(tokenizer, format);
        Assert.Equal(tokenizer.EndId, encoder.Ends[0]);
        foreach (var line in File.ReadLines(Path.Combine(source, "chats.jsonl")))
        {
            var chat = JsonNode.Parse(line)!;
            ChatMessage[] messages = [.. chat["messages"]!.AsArray().Select(message => new ChatMessage(
                Enum.Parse<ChatRole>(message!["role"]!.GetValue<string>(), ignoreCase: true),
                message["content"]!.GetValue<string>()))];
            int[] ids = [.. chat["ids"]!.AsArray().Select(id => id!.GetValue<int>())];
            var prompts = chat["add_generation_prompt"]!.GetValue<bool>();
            Assert.Equal(chat["text"]!.GetValue<string>(), format.Render(messages, prompts));
            Assert.Equal(ids, prompts ? encoder.EncodePrompt(messages) : encoder.Encode(new(messages)).Ids);
            var text = encoder.Encode(new(messages));
            var answers = messages.Where(message => message.Role == ChatRole.Assistant).Select(message =>
                message.Content + tokenizer.Decode([tokenizer.EndId], keepSpecial: true));
            var learned = text.Ids.Zip(text.Learned).Where(pair => pair.Second).Select(pair => pair.First);
            Assert.Equal(string.Concat(answers), tokenizer.Decode(learned, keepSpecial: true));
        }
    }

    [Fact]
    public void Render_Qwen3_KeepsThoughtsInTheLastAnswerOnly()
    {
        var format = ChatFormat.Load(SharedData.Require("data/tokenizers/qwen3"));
        ChatMessage[] messages =
        [
            new(ChatRole.User, "x"), new(ChatRole.Assistant, "<think>\nhm\n</think>\n\nfine"),
            new(ChatRole.User, "y"), new(ChatRole.Assistant, "<think>\nmore\n</think>\n\nok"),
        ];
        Assert.Equal(
            "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\nfine<|im_end|>\n<|im_start|>user\ny<|im_end|>\n"
            + "<|im_start|>assistant\n<think>\nmore\n</think>\n\nok<|im_end|>\n",
            format.Render(messages));
        Assert.Equal(["fine<|im_end|>", "<think>\nmore\n</think>\n\n", "ok<|im_end|>"], Learned(format, messages));
    }

    [Theory]
    [InlineData("{% for m in messages %}<<{{ m['role'] }}>>{{ m['content'] }}{% endfor %}")]
    [InlineData("{{ messages[0]['content'] }}")]
    [InlineData("")]
    [InlineData("{% for message in messages %}\n    {{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
        + "'<|im_end|>' + '\n'}}\n{% endfor %}")] // writes blanks and newlines besides
    public void Load_UnknownTemplate_IsRefusedWithWhatToDo(string template)
    {
        File.WriteAllText(folder.File("chat_template.jinja"), template);
        var message = Assert.Throws<CheckpointException>(() => ChatFormat.Load(folder.Path)).Message;
        Assert.Contains("of no known family", message, StringComparison.Ordinal);
        Assert.Contains("TurnFormat", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FindsTheTemplateInEveryFile()
    {
        Assert.Contains(
            "no chat template", Assert.Throws<CheckpointException>(() => ChatFormat.Load(folder.Path)).Message);
        Assert.Null(ChatFormat.Find(folder.Path));
        var template = "{{ bos_token }}{% for message in messages %}" + ChatMlBody;
        void Put(string name, object content) =>
            File.WriteAllText(folder.File(name), content as string ?? JsonSerializer.Serialize(content));
        Put("tokenizer_config.json", new
        {
            bos_token = new { content = "<a>" },
            chat_template = (object[])[new { name = "tool_use", template = "?" }, new { name = "default", template }],
        });
        Assert.StartsWith("<a><|im_start|>", ChatFormat.Load(folder.Path).Render(Messages));
        Put("chat_template.json", new { chat_template = template.Replace("{{ bos_token }}", "") });
        Assert.StartsWith("<|im_start|>", ChatFormat.Load(folder.Path).Render(Messages));
        Put("chat_template.jinja", PhiBody);
        Assert.StartsWith("<|system|>", ChatFormat.Load(folder.Path).Render(Messages));
    }

    [Fact]
    public void Render_ConversationThatTheFormatCannotWrite_SaysWhy()
    {
        var format = ChatFormat.Parse((string)Families.Single(row => (string)row.Data.Item1 == "gemma 2").Data.Item2);
        Assert.Contains("no place for a message of the system", Fault(format, Messages));
        Assert.Contains("message 2 of these is the user's", Fault(format, [Messages[1], Messages[1]]));
        var encoder = new ChatEncoder(new Generation.LetterTokenizer(), format);
        Assert.StartsWith(
            "file, line 3: the model's chat format has no place",
            Assert.Throws<TextDataException>(() => encoder.Encode(new(Messages, "file, line 3"))).Message);
    }

    [Fact]
    public void OwnFormat_IsATurnFormat()
    {
        var format = new TurnFormat { Begin = "#", Header = "{role}: ", End = "\n", Separator = "\n", Trims = true };
        Assert.Equal("#user: Hi\n\nassistant: Yo\n\nuser: And?\n\nassistant: ", format.Render(Messages[1..], true));
        Assert.Equal(["Yo\n"], Learned(format, Messages));
        Assert.Equal("<|im_start|>user\na<|im_end|>\n", ChatFormat.ChatMl.Render([new(ChatRole.User, "a")]));
    }

    private static string Fault(ChatFormat format, ChatMessage[] messages) =>
        Assert.Throws<ArgumentException>(() => format.Render(messages)).Message;

    private static List<string> Learned(ChatFormat format, ChatMessage[] messages) =>
        [.. format.Parts(messages).Where(part => part.IsLearned).Select(part => part.Text)];
}
