using System.Collections.Concurrent;
using Marrow.Language;
using Marrow.Tokenizers;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Language;

public sealed class TextDataTests : IDisposable
{
    private static readonly ConcurrentDictionary<string, Tokenizer> Loaded = [];
    private readonly TemporaryFolder folder = new();
    private readonly TorchSharp.DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("""{"query":"q","response":"r","type":"GSM_Rephrased"}""", "q", "r", "", "GSM_Rephrased")]
    [InlineData("""{"question":"q","answer":"r"}""", "q", "r", "", "")]
    [InlineData("""{"problem":"q","solution":"r","level":"Level 5","type":"Algebra"}""", "q", "r", "", "Algebra")]
    [InlineData("""{"instruction":"q","input":"i","output":"r"}""", "q", "r", "i", "")]
    public void Read_KnowsEachDataSet_AsLinesAndAsArray(
        string json, string question, string response, string input, string kind)
    {
        var expected = new Instruction(question, response, input, kind);
        File.WriteAllText(folder.File("lines"), $"{json}\n\n{json}\n");
        File.WriteAllText(folder.File("array"), $" [{json},\n{json}]");
        Assert.Equal([expected, expected], InstructionFile.Read(folder.File("lines")));
        Assert.Equal([expected, expected], InstructionFile.Read(folder.File("array")));
    }

    [Theory]
    [InlineData("{\"query\":1,\"response\":\"r\"}", "line 2: it lacks the text fields")]
    [InlineData("[1]", "line 2: it lacks the text fields")]
    [InlineData("{\"query\":", "line 2: it is not a JSON object")]
    public void Read_BadLine_IsNamed(string line, string words)
    {
        File.WriteAllText(folder.File("lines"), "{\"query\":\"q\",\"response\":\"r\"}\n" + line);
        Assert.Contains(words,
            Assert.Throws<TextDataException>(() => InstructionFile.Read(folder.File("lines")).ToList()).Message);
    }

    [Theory]
    [InlineData("\\ud83d", "r", "query")]
    [InlineData("q \\ude00 ", "r", "query")]
    [InlineData("q", "\\ud83dx", "response")]
    [InlineData("q", "\\ud83d\\ud83d", "response")]
    public void Read_HalfOfASurrogatePair_IsNamed(string query, string response, string field)
    {
        var good = "{\"query\":\"\\ud83d\\ude00\",\"response\":\"r\"}";
        var bad = $"{{\"query\":\"{query}\",\"response\":\"{response}\"}}";
        File.WriteAllText(folder.File("lines"), $"{good}\n{bad}\n");
        File.WriteAllText(folder.File("array"), $"[{good},{bad}]");
        foreach (var (file, place) in new[] { ("lines", "line 2"), ("array", "element 2") })
        {
            Assert.Equal(
                $"{folder.File(file)}, {place}: '{field}' has half of a surrogate pair (\\ud800 to \\udfff alone), "
                + "which is no character; write both halves, or take it out.",
                Assert.Throws<TextDataException>(() => InstructionFile.Read(folder.File(file)).ToList()).Message);
        }
    }

    [Fact]
    public void ReadConversation_HalfOfASurrogatePair_IsNamed()
    {
        File.WriteAllText(
            folder.File("lines"), "{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud83d\"}]}");
        Assert.Contains(
            "line 1, message 1: 'content' has half of a surrogate pair",
            Assert.Throws<TextDataException>(() => ConversationFile.Read(folder.File("lines")).ToList()).Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(700)]
    public void Read_LineThatIsNotUtf8_IsNamed(int line)
    {
        var good = "{\"query\":\"é\",\"response\":\"r\"}\n";
        using (var file = File.Create(folder.File("lines")))
        {
            file.Write(System.Text.Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(good, line - 1))));
            file.Write(System.Text.Encoding.Latin1.GetBytes(good));
        }

        Assert.Equal(
            $"{folder.File("lines")}, line {line}: it is not UTF-8; save the file as UTF-8.",
            Assert.Throws<TextDataException>(() => InstructionFile.Read(folder.File("lines")).ToList()).Message);
    }

    [Fact]
    public void Read_SaysWhereAnInstructionIsFrom()
    {
        File.WriteAllText(folder.File("lines"), "\n{\"query\":\"q\",\"response\":\"r\"}\n");
        var instruction = InstructionFile.Read(folder.File("lines")).Single();
        Assert.Equal($"{folder.File("lines")}, line 2", instruction.Source);
        Assert.Equal(new Instruction("q", "r"), instruction);
    }

    [Fact]
    public void Batches_OfTextsThatTeachNothing_AreRefused()
    {
        var text = Text(3, 2);
        Assert.Contains("one row or more", Message(() => new TextBatches([text], 0, 1)));
        Assert.Contains("no texts", Message(() => new TextBatches([], 1, 1)));
        Assert.Contains("Text 1 (counted from 0): with 1 token nothing is predicted", Message(() =>
            new TextBatches([text, Text(0, 1)], 1, 1)));
        Assert.Contains("Text 0 (counted from 0): with 0 tokens nothing", Message(() =>
            new TextBatches([new([], [])], 1, 1)));
        Assert.StartsWith("a.jsonl, line 7: with 1 token", Message(() => new TextBatches(
            [new([1], [true]) { Source = "a.jsonl, line 7" }], 1, 1)));
        Assert.Contains("with 5 tokens go 4 marks", Message(() => new TextBatches(
            [text with { Learned = text.Learned[1..] }], 1, 1)));
        Assert.Contains("In none of the texts", Message(() => new TextBatches(
            [Text(3, 0), new([1, 2], [true, false])], 1, 1)));

        static string Message(Action make) => Assert.ThrowsAny<ArgumentException>(make).Message;
    }

    [Theory]
    [InlineData("[{\"query\":\"q\",\"response\":\"r\"}, 5]", "element 2: it lacks")]
    [InlineData("[{\"query\":\"q\",\"response\":\"r\"}, {\"query\"", "the JSON ends or breaks there")]
    public void Read_BadElement_IsNamed(string text, string words)
    {
        File.WriteAllText(folder.File("array"), text);
        Assert.Contains(words,
            Assert.Throws<TextDataException>(() => InstructionFile.Read(folder.File("array")).ToList()).Message);
        Assert.Contains("cannot be read",
            Assert.Throws<TextDataException>(() => InstructionFile.Read(folder.File("none")).ToList()).Message);
    }

    [Fact]
    public void Templates_AreThoseOfThePapers()
    {
        Assert.Equal(
            "Below is an instruction that describes a task. Write a response that appropriately completes the request."
            + "\n\n### Instruction:\nAdd {1}.\n\n### Response:",
            PromptTemplate.Alpaca.Prompt(new("Add {1}.", "3")).Replace("Add .", "Add {1}."));
        Assert.Contains("### Input:\n1, 2\n\n### Response:", PromptTemplate.Alpaca.Prompt(new("Add.", "3", "1, 2")));
        Assert.Equal("User: Add.\n\nAssistant:", PromptTemplate.Rwkv.Prompt(new("Add.", "3")));
    }

    [Theory]
    [InlineData("About {0}", "x", "1{0}2", "in {1}")]
    [InlineData("{1}{0}", "{0}", "", "{1}")]
    public void Templates_AreFilledInOnePass(string question, string response, string input, string other)
    {
        Assert.Contains(
            $"### Instruction:\n{question}\n\n### Input:\n{input}{other}\n\n### Response:",
            PromptTemplate.Alpaca.Prompt(new(question, response, input + other)));
        Assert.Equal($"User: {question}\n{input}{other}\n\nAssistant:",
            PromptTemplate.Rwkv.Prompt(new(question, response, input + other)));
    }

    public static TheoryData<string, string, string> Boundaries
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var tokenizer in new[] { "llama2", "gpt2", "rwkv_world" })
            {
                foreach (var template in new[] { "alpaca", "rwkv", "plain", "glued" })
                {
                    foreach (var response in new[]
                    {
                        "It is 2.", "    indented\n    code", " spaced", "\n\nnew line", "2", "日本語", "🎉", ":)", "",
                    })
                    {
                        data.Add(tokenizer, template, response);
                    }
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Boundaries))]
    public void Encode_GivesTheIdsOfTheWholeText(string name, string form, string response)
    {
        var tokenizer = Loaded.GetOrAdd(
            name, folder => Tokenizer.Load(SharedData.Require($"data/tokenizers/{folder}")));
        var template = form switch
        {
            "alpaca" => PromptTemplate.Alpaca,
            "rwkv" => PromptTemplate.Rwkv,
            "plain" => PromptTemplate.Plain,
            _ => new PromptTemplate("{0} =", "{0} {1} ="),
        };
        var instruction = new Instruction("What is 1 + 1", response);
        var encoder = new InstructionEncoder(tokenizer, template);
        var text = encoder.Encode(instruction);
        Assert.Equal(
            [.. tokenizer.Encode(template.Prompt(instruction) + template.Separator + response), tokenizer.EndId],
            text.Ids);

        // What is learned begins at the response, but for a token that holds the end of the prompt too.
        var learned = text.Learned.Count(isLearned => isLearned);
        Assert.Equal(text.Learned.Order(), text.Learned);
        var prompt = tokenizer.Encode(template.Prompt(instruction));
        Assert.Equal(prompt[..(text.Length - learned)], text.Ids[..^learned]);
        Assert.InRange(prompt.Length - (text.Length - learned), 0, 1);
        var written = tokenizer.Decode(text.Ids[^learned..]);
        Assert.EndsWith(response.TrimStart(), written);
    }

    [Fact]
    public void Encode_LearnsTheResponseAndItsEndAlone()
    {
        var encoder = new InstructionEncoder(
            Tokenizer.Load(SharedData.Require("data/tokenizers/llama2")), PromptTemplate.Alpaca);
        var text = encoder.Encode(new("What is 1 + 1?", "It is 2."));
        var learned = text.Ids.Zip(text.Learned).Where(pair => pair.Second).Select(pair => pair.First).ToList();
        Assert.Equal((1, 2), (text.Ids[0], text.Ids[^1]));
        Assert.Equal("It is 2.", encoder.Decode(learned).Trim());
        Assert.EndsWith("### Response:", encoder.Decode(text.Ids[..^learned.Count]));
        Assert.EndsWith("Let's think step by step.", encoder.Decode(encoder.EncodePrompt(new("a", "b"))));
    }

    [Fact]
    public void Batches_LabelOnlyWhatIsLearned_AndPadBehind()
    {
        var batches = new TextBatches([Text(3, 2), Text(5, 1)], 2, seed: 1);
        using var batch = batches[0];
        Assert.Equal([2, 5], batch.Ids.shape);
        var rows = Enumerable.Range(0, 2).Select(row => (Ids: batch.Ids[row].data<long>().ToArray(),
            Labels: batch.Labels[row].data<long>().ToArray())).OrderBy(row => row.Labels[4]).ToList();
        Assert.Equal([-100, -100, 103, 104, -100], rows[0].Labels);
        Assert.Equal([100, 101, 102, 103, 104], rows[0].Ids);
        Assert.Equal([-100, -100, -100, -100, 105], rows[1].Labels);
    }

    [Theory]
    [InlineData(TextGrouping.Shuffled)]
    [InlineData(TextGrouping.Buckets)]
    [InlineData(TextGrouping.Packed)]
    public void Batches_OfEveryEpoch_HoldEachTextOnce_InAnOrderThatOnlyTheSeedDecides(TextGrouping grouping)
    {
        // Text i has i learned tokens of its own id.
        var texts = Enumerable.Range(1, 30)
            .Select(i => new TokenizedText([0, .. Enumerable.Repeat(i, i)], [false, .. Enumerable.Repeat(true, i)]))
            .ToList();
        TextBatches Make(ulong seed) => new(texts, 4, seed, grouping, rowLength: 40);
        var (one, other) = (Make(3), Make(3));
        for (var epoch = 0; epoch < 2; epoch++)
        {
            var learned = Enumerable.Range(0, one.Count)
                .SelectMany(i => one[(epoch * one.Count) + i].Labels.data<long>().ToArray())
                .Where(label => label >= 0);
            Assert.Equal(texts.SelectMany(text => text.Ids).Where(id => id > 0).Select(id => (long)id),
                learned.Order());
        }

        Assert.True(one[one.Count + 1].Ids.Equals(other[one.Count + 1].Ids)); // asked for at once, and after the others
        Assert.Contains(Enumerable.Range(0, one.Count), i => !one[i].Ids.Equals(one[one.Count + i].Ids));
        Assert.Contains(Enumerable.Range(0, one.Count), i => !one[i].Ids.Equals(Make(4)[i].Ids));
        if (grouping == TextGrouping.Buckets)
        {
            var padded = Enumerable.Range(0, one.Count).Sum(i => one[i].Ids.numel()) - texts.Sum(text =>
                text.Length - 1);
            Assert.True(padded < 60, $"{padded} padded positions");
        }
    }

    [Fact]
    public void Packed_TextThatDoesNotFit_IsRefused() => Assert.Contains(
        "does not fit a packed row of 4", Assert.Throws<ArgumentException>(() =>
            new TextBatches([Text(3, 2)], 1, 0, TextGrouping.Packed, rowLength: 4)).Message);

    private static TokenizedText Text(int prompt, int response) => new(
        [.. Enumerable.Range(100, prompt + response)],
            [.. Enumerable.Range(0, prompt + response).Select(i => i >= prompt)]);
}
