using Marrow.Language;
using Marrow.Tokenizers;
using Parquet.Serialization;
using Xunit;

namespace Marrow.Tests.Language;

/// <summary>Conversations and Parquet, as data sets are published.</summary>
public sealed class ConversationFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Content_ThatIsAListOfTexts_IsTheirSequence()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("c.json"), """
            [{"messages":[
                {"role":"user","content":[{"type":"text","text":"a "},{"type":"text","text":"b"}]},
                {"role":"assistant","content":"c"}]}]
            """);
        Assert.Equal("a b", ConversationFile.Read(folder.File("c.json")).Single().Messages[0].Content);
    }

    [Theory]
    [InlineData("", "messages", "role", "content", "system", "user", "assistant")]
    [InlineData("", "conversations", "from", "value", "system", "human", "gpt")]
    [InlineData("\"system\":\"s\",", "conversations", "from", "value", null, "human", "gpt")]
    [InlineData("", "conversations", "role", "content", "system", "user", "assistant")]
    public void Read_KnowsBothForms_AsLinesAndAsArray(
        string before, string list, string role, string content, params string?[] roles)
    {
        var said = roles.Zip("sqr").Where(pair => pair.First is not null).Select(pair =>
            $$"""{"{{role}}":"{{pair.First}}","{{content}}":"{{pair.Second}}"}""");
        var json = $"{{{before}\"{list}\":[{string.Join(',', said)}]}}";
        ChatMessage[] expected = [new(ChatRole.System, "s"), new(ChatRole.User, "q"), new(ChatRole.Assistant, "r")];
        File.WriteAllText(folder.File("lines"), $"{json}\n\n{json}\n");
        File.WriteAllText(folder.File("array"), $" [{json},\n{json}]");
        foreach (var (name, place) in (IEnumerable<(string, string)>)[("lines", "line 3"), ("array", "element 2")])
        {
            var read = ConversationFile.Read(folder.File(name)).ToList();
            Assert.Equal(2, read.Count);
            Assert.All(read, conversation => Assert.Equal(expected, conversation.Messages));
            Assert.Equal($"{folder.File(name)}, {place}", read[1].Source);
        }
    }

    [Theory]
    [InlineData(
        """{"messages":[{"role":"user","content":"q"},{"role":"tool","content":"r"}]}""",
        "message 2: the role 'tool' is not known")]
    [InlineData("""{"messages":[]}""", "its conversation has no message;")]
    [InlineData("""{"messages":[{"role":"user","content":"q"}]}""", "no message of the assistant")]
    [InlineData("""{"messages":[{"role":"assistant","content":null}]}""", "message 1: its content is no text")]
    [InlineData(
        """{"messages":[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"image_url"}]}]}""",
        "message 1: part 2 of its content is no text")]
    [InlineData("""{"messages":[{"role":"assistant","content":["a"]}]}""", "part 1 of its content is no object")]
    [InlineData(
        """{"messages":[{"role":"assistant","content":"","tool_calls":[{"id":"a"}]}]}""",
        "message 1: it calls tools (tool_calls)")]
    [InlineData("""{"messages":[{"role":"assistant","content":"r","weight":0.5}]}""", "its weight is neither 0 nor 1")]
    [InlineData("""{"messages":[{"role":"assistant","content":"r","weight":0}]}""", "no message of the assistant")]
    [InlineData("""{"conversations":[{"from":"gpt","text":"r"}]}""", "message 1: its value is no text")]
    [InlineData("""{"messages":"q"}""", "it lacks a conversation")]
    [InlineData("""{"messages":[1]}""", "it lacks a conversation")]
    [InlineData("""{"query":"q","response":"r"}""", "it lacks a conversation")]
    [InlineData("5", "it lacks a conversation")]
    public void Read_ConversationWithoutSense_IsNamedByLine(string line, string words)
    {
        File.WriteAllText(folder.File("lines"), "\n" + line);
        var message = Assert.Throws<TextDataException>(() =>
            ConversationFile.Read(folder.File("lines")).ToList()).Message;
        Assert.StartsWith($"{folder.File("lines")}, line 2", message);
        Assert.Contains(words, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_LearnsAnswersAndTheirEndAlone_AndGivesTheIdsOfTheWholeText()
    {
        using var tokenizer = Letters();
        var encoder = new ChatEncoder(tokenizer, ChatFormat.ChatMl);
        ChatMessage[] messages =
        [
            new(ChatRole.User, "ab"), new(ChatRole.Assistant, "ba"), new(ChatRole.User, "b"),
            new(ChatRole.Assistant, ""),
        ];
        var text = encoder.Encode(new(messages));
        Assert.Equal(tokenizer.Encode(ChatFormat.ChatMl.Render(messages)), text.Ids);
        Assert.Equal(
            ["ba<|im_end|>", "<|im_end|>"],
            Runs(text).Select(run => tokenizer.Decode(run, keepSpecial: true)));
        Assert.Equal("<|im_end|>", tokenizer.Decode(encoder.Ends.TakeLast(1), keepSpecial: true));
        Assert.Equal(
            text.Ids[..encoder.EncodePrompt(messages[..1]).Length], encoder.EncodePrompt(messages[..1]));
        Assert.Equal((1, 1), encoder.EncodeAll([new(messages), new([.. messages, .. messages])], text.Length) is var all
            ? (all.Fitting.Count, all.TooLong)
            : default);
    }

    [Fact]
    public void Encode_LearnsNothingOfMessagesOfWeight0()
    {
        using var tokenizer = Letters();
        File.WriteAllText(folder.File("c.jsonl"), """
            {"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"ba","weight":0},
             {"role":"user","content":"b","weight":0},{"role":"assistant","content":"ab","weight":1,"tool_calls":[]}]}
            """.ReplaceLineEndings(""));
        var conversation = ConversationFile.Read(folder.File("c.jsonl")).Single();
        var text = new ChatEncoder(tokenizer, ChatFormat.ChatMl).Encode(conversation);
        Assert.Equal(["ab<|im_end|>"], Runs(text).Select(run => tokenizer.Decode(run, keepSpecial: true)));
    }

    [Theory]
    [InlineData("", "it holds no record")]
    [InlineData(" \n\n", "it holds no record")]
    [InlineData("[]", "it holds no record")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "it is a pointer of Git LFS")]
    public void FileWithoutRecords_IsNamed(string content, string words)
    {
        File.WriteAllText(folder.File("empty"), content);
        foreach (var read in (Action[])[
            () => ConversationFile.Read(folder.File("empty")).ToList(),
            () => InstructionFile.Read(folder.File("empty")).ToList()])
        {
            Assert.StartsWith($"{folder.File("empty")}: {words}", Assert.Throws<TextDataException>(read).Message);
        }
    }

    [Fact]
    public void Encode_TokenThatHoldsHeaderAndAnswer_IsLearned()
    {
        using var tokenizer = Letters();
        var format = new TurnFormat { Header = "a", End = "<|im_end|>" };
        var text = encoder(format).Encode(new([new(ChatRole.Assistant, "b")])); // "ab" is one token
        Assert.Equal([true, true], text.Learned);
        Assert.Equal(tokenizer.Encode("ab<|im_end|>"), text.Ids);

        ChatEncoder encoder(ChatFormat own) => new(tokenizer, own);
    }

    [Fact]
    public async Task Read_Parquet_AloneInShardsAndByPattern()
    {
        await Write("train-00000-of-00002.parquet", "a", "b");
        await Write("train-00001-of-00002.parquet", "c");
        string[] Questions(string path) => [.. InstructionFile.Read(path).Select(instruction => instruction.Question)];
        Assert.Equal(["a", "b"], Questions(folder.File("train-00000-of-00002.parquet")));
        Assert.Equal(["a", "b", "c"], Questions(folder.Path));
        var conversations = ConversationFile.Read(folder.Path).ToList();
        Assert.Equal(["b!", "c!"], conversations.Skip(1).Select(conversation => conversation.Messages[1].Content));
        Assert.EndsWith("train-00000-of-00002.parquet, row 2", conversations[1].Source);

        await Write("test-00000-of-00001.parquet", "d");
        Assert.Contains(
            "it holds the splits test, train; name one",
            Assert.Throws<TextDataException>(() => Questions(folder.Path)).Message);
        Assert.Equal(["a", "b", "c"], Questions(folder.File("train-*.parquet")));
        Assert.Contains(
            "no file there is like valid-*.parquet",
            Assert.Throws<TextDataException>(() => Questions(folder.File("valid-*.parquet"))).Message);
    }

    [Fact]
    public async Task Read_ParquetOfSeveralRowGroups_GivesAllRows()
    {
        var file = folder.File("many.parquet");
        await using (var stream = File.Create(file))
        {
            await ParquetSerializer.SerializeAsync(
                Enumerable.Range(0, 25).Select(number => Row.Of($"{number}")), stream, new() { RowGroupSize = 10 },
                cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Equal(
            Enumerable.Range(0, 25).Select(number => $"{number}"),
            InstructionFile.Read(file).Select(instruction => instruction.Question));
    }

    [Fact]
    public async Task Read_DamagedParquet_IsOneSentence()
    {
        await Write("a.parquet", "a");
        var bytes = await File.ReadAllBytesAsync(folder.File("a.parquet"), TestContext.Current.CancellationToken);
        foreach (var (name, content) in (IEnumerable<(string, byte[])>)[
            ("cut.parquet", bytes[..(bytes.Length / 2)]), ("text.parquet", "hello"u8.ToArray()), ("empty.parquet", [])])
        {
            await File.WriteAllBytesAsync(folder.File(name), content, TestContext.Current.CancellationToken);
            var message = Assert.Throws<TextDataException>(() =>
                InstructionFile.Read(folder.File(name)).ToList()).Message;
            Assert.StartsWith($"{folder.File(name)}: it cannot be read as Parquet", message);
        }

        Assert.Contains(
            "cannot be read as Parquet",
            Assert.Throws<TextDataException>(() => InstructionFile.Read(folder.File("none.parquet")).ToList()).Message);
    }

    private static IEnumerable<int[]> Runs(TokenizedText text)
    {
        for (var start = 0; start < text.Length; start++)
        {
            if (text.Learned[start])
            {
                var length = text.Learned.Skip(start).TakeWhile(learned => learned).Count();
                var end = start + length;
                yield return text.Ids[start..end];
                start = end;
            }
        }
    }

    private Tokenizer Letters()
    {
        var letters = string.Join(',', "abcdefghijklmnopqrstuvwxyz\n".Select((letter, id) =>
            $"{System.Text.Json.JsonSerializer.Serialize(letter.ToString())}:{id + 4}"));
        const string flags = """
            "single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true
            """;
        File.WriteAllText(folder.File("tokenizer.json"), $$"""
            {"version":"1.0","added_tokens":[
            {"id":0,"content":"<|im_start|>",{{flags}}},
            {"id":1,"content":"<|im_end|>",{{flags}}}
            ],
            "decoder":{"type":"Fuse"},
            "model":{"type":"BPE","vocab":{"<|im_start|>":0,"<|im_end|>":1,"</s>":2,"?":3,{{letters}},"ab":40},
            "unk_token":"?","merges":[["a","b"]]}
            }
            """);
        return Tokenizer.Load(folder.Path);
    }

    private async Task Write(string name, params string[] questions)
    {
        await using var stream = File.Create(folder.File(name));
        await ParquetSerializer.SerializeAsync(
            questions.Select(Row.Of), stream, cancellationToken: TestContext.Current.CancellationToken);
    }

    internal sealed class Row
    {
        public string? question { get; set; }

        public string? answer { get; set; }

        public List<Said>? messages { get; set; }

        public byte[]? picture { get; set; }

        public static Row Of(string question) => new()
        {
            question = question,
            answer = question + "!",
            messages =
            [
                new() { role = "user", content = question },
                new() { role = "assistant", content = question + "!" },
            ],
            picture = [1, 2],
        };
    }

    internal sealed class Said
    {
        public string? role { get; set; }

        public string? content { get; set; }
    }
}
