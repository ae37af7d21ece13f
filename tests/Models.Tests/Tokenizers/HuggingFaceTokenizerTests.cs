using System.Text.Json;
using System.Text.Json.Nodes;
using Marrow.Tokenizers;
using Xunit;

namespace Marrow.Tests.Tokenizers;

/// <summary>tokenizer.json, and what the files beside it say.</summary>
public sealed class HuggingFaceTokenizerTests : IDisposable
{
    private const string Bytes =
        """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}""";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("llama3_1", 128000, 128009)]
    [InlineData("qwen3", null, 151645)]
    public void Encode_Cases_GivesTheOfficialIds(string name, int? begin, int end)
    {
        var source = SharedData.Require($"data/tokenizers/{name}");
        using var tokenizer = Tokenizer.Load(source);
        Assert.Equal((begin, end), (tokenizer.BeginId, tokenizer.EndId));
        var cases = File.ReadLines(Path.Combine(source, "cases.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(50, cases.Count);
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "tokenizer.json")))!;
        var special = file["added_tokens"]!.AsArray().Where(token => token!["special"]!.GetValue<bool>())
            .Select(token => token!["id"]!.GetValue<int>()).ToHashSet();
        Assert.All(cases, item =>
        {
            var (text, ids) = (item["text"]!.GetValue<string>(), Ids(item["ids"]!));
            Assert.Equal(ids, tokenizer.Encode(text, addBegin: false));
            Assert.Equal(Ids(item["ids_with_special"]!), tokenizer.Encode(text));
            var decoded = item["decoded"]!.GetValue<string>();
            Assert.Equal(decoded, tokenizer.Decode(ids, keepSpecial: true));
            Assert.Equal(
                tokenizer.Decode(ids.Where(id => !special.Contains(id)), keepSpecial: true), tokenizer.Decode(ids));
        });
    }

    [Fact]
    public void AddedTokens_AreFoundInATextAndLeftOutWhenSpecial()
    {
        Write(
            """{"type":"WordLevel","vocab":{"a":0,"b":1,"?":2},"unk_token":"?"}""",
            "\"pre_tokenizer\":{\"type\":\"Whitespace\"}",
            (3, "<end>", true), (4, "<tool>", false));
        using var tokenizer = Tokenizer.Load(Configured("""{"eos_token":"<end>","pad_token":{"content":"<tool>"}}"""));
        Assert.Equal([0, 4, 1, 3], tokenizer.Encode("a<tool>b<end>"));
        Assert.Equal((3, (int?)4, 5), (tokenizer.EndId, tokenizer.PadId, tokenizer.VocabularySize));
        Assert.Equal("a b", tokenizer.Decode([0, 4, 1, 3])); // the pad token too is of no text
        Assert.Equal("a <tool> b <end>", tokenizer.Decode([0, 4, 1, 3], keepSpecial: true));
    }

    [Fact]
    public void Normalizer_ByteFallbackAndMetaspace_AreTheFiles()
    {
        var bytes = string.Join(',', Enumerable.Range(0, 256).Select(value => $"\"<0x{value:X2}>\":{value + 3}"));
        Write(
            $$"""
            {"type":"BPE","unk_token":"<unk>","byte_fallback":true,"merges":[["▁","a"]],
            "vocab":{"<unk>":0,"<s>":1,"</s>":2,{{bytes}},"▁":259,"a":260,"▁a":261}
            }
            """,
            """
            "normalizer":{"type":"Lowercase"},
            "pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false},
            "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
            {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}
            """,
            (1, "<s>", true), (2, "</s>", true));
        using var tokenizer = Tokenizer.Load(folder.Path);
        int[] ids = [261, 261, 259, 0xc3 + 3, 0xa9 + 3];
        Assert.Equal(ids, tokenizer.Encode("A a É", addBegin: false));
        Assert.Equal("a a é", tokenizer.Decode(ids));
        Assert.Equal("a a é", string.Concat(tokenizer.DecodeStream(ids)));
    }

    [Fact]
    public void IgnoreMerges_TakesWholeWordsFirst()
    {
        foreach (var ignore in (bool[])[true, false])
        {
            Write(
                $$"""
                {"type":"BPE","ignore_merges":{{(ignore ? "true" : "false")}},"merges":[["a","b"]],
                "vocab":{"a":0,"b":1,"ab":2,"aba":3,"</s>":4}
                }
                """,
                $"\"pre_tokenizer\":{Bytes},\"decoder\":{Bytes}",
                (4, "</s>", true));
            using var tokenizer = Tokenizer.Load(folder.Path);
            Assert.Equal(ignore ? [3] : [2, 0], tokenizer.Encode("aba"));
        }
    }

    [Fact]
    public void Encode_IsNeitherCutNorFilledUp_AndIsSurroundedAsThePostProcessorSays()
    {
        Write(
            """{"type":"WordLevel","vocab":{"a":0,"?":1,"<s>":2,"</s>":3},"unk_token":"?"}""",
            """
            "truncation":{"max_length":3,"strategy":"LongestFirst","stride":0,"direction":"Right"},
            "padding":{"strategy":{"Fixed":9},"direction":"Right","pad_to_multiple_of":null,"pad_id":1,"pad_type_id":0,
            "pad_token":"?"},
            "pre_tokenizer":{"type":"Whitespace"},
            "post_processor":{"type":"BertProcessing","sep":["</s>",3],"cls":["<s>",2]}
            """,
            (2, "<s>", true), (3, "</s>", true));
        using var tokenizer = Tokenizer.Load(folder.Path);
        Assert.Equal([0, 0, 0, 0], tokenizer.Encode("a a a a", addBegin: false));
        Assert.Equal([2, 0, 0, 0, 0, 3], tokenizer.Encode("a a a a"));
        Assert.Equal([2, 3], tokenizer.Encode(""));
    }

    [Fact]
    public void Gpt2Folder_WithTokenizerJson_TakesThat_AndWithoutReadsTheTwoFiles()
    {
        File.WriteAllText(folder.File("vocab.json"), ByteVocabulary());
        File.WriteAllText(folder.File("merges.txt"), "#version: 0.2\na b\n# #\n"); // the last is a merge, no comment
        using (var files = Tokenizer.Load(folder.Path))
        {
            Assert.Equal([256, 257, 0], files.Encode("ab##a"));
            Assert.Equal("ab##a", files.Decode([256, 257, 0]));
            Assert.Equal(13, files.Encode("<|endoftext|>").Length); // ordinary text, as no other file adds it
        }

        File.WriteAllText(folder.File("special_tokens_map.json"), """{"eos_token":"<|endoftext|>"}""");
        using (var files = Tokenizer.Load(folder.Path))
        {
            Assert.Equal([256, 258], files.Encode("ab<|endoftext|>"));
            Assert.Equal("ab", files.Decode([256, 258]));
        }

        Write("""{"type":"WordLevel","vocab":{"ab":7,"</s>":8},"unk_token":"ab"}""", "\"decoder\":null");
        File.Delete(folder.File("special_tokens_map.json"));
        using var json = Tokenizer.Load(folder.Path);
        Assert.Equal([7], json.Encode("ab"));
    }

    [Theory]
    [InlineData("{\"eos_token\":\"b\"}", "{\"eos_token\":\"c\"}", "{\"eos_token_id\":[3,4]}", 1, 3, 4)]
    [InlineData(null, "{\"eos_token\":{\"content\":\"c\"}}", "{\"eos_token_id\":4}", 2, 4)]
    [InlineData("{\"eos_token\":null}", null, "{\"eos_token_id\":[3,4]}", 3, 4)]
    [InlineData(null, null, null, 4)]
    public void Ends_AreThoseOfTheFiles_InTheirOrder(string? config, string? map, string? generation, params int[] ends)
    {
        Write(
            """{"type":"WordLevel","vocab":{"a":0,"b":1,"c":2,"d":3,"</s>":4},"unk_token":"a"}""", "\"decoder\":null");
        foreach (var (name, text) in (IEnumerable<(string, string?)>)[
            ("tokenizer_config.json", config),
            ("special_tokens_map.json", map),
            ("generation_config.json", generation)])
        {
            if (text is not null)
            {
                File.WriteAllText(folder.File(name), text);
            }
        }

        using var tokenizer = Tokenizer.Load(folder.Path);
        Assert.Equal(ends.Distinct(), tokenizer.EndIds);
        Assert.Equal(ends[0], tokenizer.EndId);
    }

    [Theory]
    [InlineData("{", "it is not JSON")]
    [InlineData("", "it is not JSON")]
    [InlineData("[]", "not a tokenizer in Hugging Face's")]
    [InlineData("{}", "no model with a vocabulary")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":"x"},"merges":[]}}""", "not a tokenizer in Hugging Face's")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"</s>":1},"merges":["a b"]}}""", "out of vocabulary")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"</s>":99999999999},"merges":[]}}""", "not a tokenizer in")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":2147483647},"merges":[]}}""", "beyond the largest")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1,"</s>":0},"merges":[]}}""", "not a tokenizer in")]
    [InlineData("""{"added_tokens":[{"id":0}],"model":{"type":"BPE","vocab":{"</s>":0},"merges":[]}}""", "not a")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""", "nothing says which token ends a text")]
    [InlineData("""{"model":{"type":"Odd","vocab":{"</s>":0},"merges":[]}}""", "not a tokenizer in Hugging Face's")]
    public void Load_DamagedFile_SaysWhatIsWrongInOneSentence(string json, string words)
    {
        File.WriteAllText(folder.File("tokenizer.json"), json);
        var message = Assert.Throws<CheckpointException>(() => Tokenizer.Load(folder.Path)).Message;
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.StartsWith(folder.Path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Load_DeeplyNestedFile_IsRefused()
    {
        File.WriteAllText(folder.File("tokenizer.json"), new string('[', 100_000));
        Assert.Contains(
            "it is not JSON", Assert.Throws<CheckpointException>(() => Tokenizer.Load(folder.Path)).Message);
    }

    [Fact]
    public void Load_ConfigurationThatNamesAnUnknownToken_IsRefused()
    {
        Write("""{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}""", "\"decoder\":null");
        Assert.Contains(
            "its eos_token '<gone>' is not in its vocabulary",
            Assert.Throws<CheckpointException>(() => Tokenizer.Load(Configured("""{"eos_token":"<gone>"}"""))).Message);
    }

    [Fact]
    public void Load_TwoFilesOfAnotherTokenizer_AsksForItsTokenizerJson()
    {
        File.WriteAllText(folder.File("vocab.json"), ByteVocabulary());
        File.WriteAllText(folder.File("merges.txt"), "a b\n");
        Assert.Contains(
            "fetch the model's tokenizer.json too",
            Assert.Throws<CheckpointException>(() =>
                Tokenizer.Load(Configured("""{"tokenizer_class":"Qwen2Tokenizer"}"""))).Message);
    }

    [Fact]
    public void Tokenizer_IsUsedByManyThreads_AndFreedOnce()
    {
        Write(
            """{"type":"WordLevel","vocab":{"a":0,"b":1,"?":2,"</s>":3},"unk_token":"?"}""",
            "\"pre_tokenizer\":{\"type\":\"Whitespace\"}");
        var tokenizer = Tokenizer.Load(folder.Path);
        Parallel.For(0, 2000, number =>
        {
            int[] ids = [.. Enumerable.Range(0, (number % 5) + 1).Select(place => (number + place) % 2)];
            var text = string.Join(' ', ids.Select(id => "ab"[id]));
            Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal(text, tokenizer.Decode(ids));
        });
        tokenizer.Dispose();
        tokenizer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => tokenizer.Encode("a"));
    }

    private static string ByteVocabulary()
    {
        var next = 256;
        var vocabulary = new JsonObject();
        foreach (var value in Enumerable.Range(0, 256).OrderBy(value => value != 'a').ThenBy(value => value != 'b')
            .ThenBy(value => value != '#'))
        {
            var printable = value is (>= 33 and <= 126) or (>= 161 and <= 172) or >= 174 ? value : next++;
            vocabulary[((char)printable).ToString()] = vocabulary.Count;
        }

        vocabulary["ab"] = 256;
        vocabulary["##"] = 257;
        vocabulary["<|endoftext|>"] = 258;
        return vocabulary.ToJsonString();
    }

    private static int[] Ids(JsonNode node) => [.. node.AsArray().Select(id => id!.GetValue<int>())];

    private string Configured(string json)
    {
        File.WriteAllText(folder.File("tokenizer_config.json"), json);
        return folder.Path;
    }

    private void Write(string model, string more, params (int Id, string Content, bool IsSpecial)[] added)
    {
        var tokens = JsonSerializer.Serialize(added.Select(token => new
        {
            id = token.Id,
            content = token.Content,
            single_word = false,
            lstrip = false,
            rstrip = false,
            normalized = false,
            special = token.IsSpecial,
        }));
        File.WriteAllText(
            folder.File("tokenizer.json"),
            $$"""{"version":"1.0","added_tokens":{{tokens}},{{more}},"model":{{model}}}""");
    }
}
