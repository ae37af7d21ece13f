using System.Text.Json.Nodes;
using Marrow.Tokenizers;
using Xunit;

namespace Marrow.Tests.Tokenizers;

public sealed class TokenizerTests
{
    [Fact]
    public void Encode_Llama2Cases_GivesSentencePiecesIds()
    {
        var folder = SharedData.Require("data/tokenizers/llama2");
        var tokenizer = Tokenizer.Load(folder);
        Assert.Equal((32000, 1, 2), (tokenizer.VocabularySize, tokenizer.BeginId, tokenizer.EndId));
        var cases = File.ReadLines(Path.Combine(folder, "cases.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(40, cases.Count);
        Assert.All(cases, item =>
        {
            var (text, ids) = (item["text"]!.GetValue<string>(), Ids(item["ids"]!));
            Assert.Equal(ids, tokenizer.Encode(text, addBegin: false));
            Assert.Equal([1, .. ids], tokenizer.Encode(text));
            Assert.Equal(text, tokenizer.Decode(ids));
            Assert.Equal(text, tokenizer.Decode([1, .. ids, 2]));
            Assert.Equal(text, string.Concat(tokenizer.DecodeStream([1, .. ids, 2])));
        });
    }

    [Theory]
    [InlineData("gpt2", 50257, 50256)]
    [InlineData("rwkv_world", 65530, 0)]
    public void Encode_Cases_GivesTheReferencesIds(string name, int size, int end)
    {
        var folder = SharedData.Require($"data/tokenizers/{name}");
        var tokenizer = Tokenizer.Load(folder);
        Assert.Equal((size, end, end), (tokenizer.VocabularySize, tokenizer.BeginId, tokenizer.EndId));
        var cases = File.ReadLines(Path.Combine(folder, "cases.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(40, cases.Count);
        Assert.All(cases, item =>
        {
            var (text, ids) = (item["text"]!.GetValue<string>(), Ids(item["ids"]!));
            Assert.Equal(ids, tokenizer.Encode(text, addBegin: false));
            Assert.Equal(text, tokenizer.Decode([end, .. ids, end]));
            Assert.Equal(text, string.Concat(tokenizer.DecodeStream(ids)));
        });
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("rwkv_world")]
    [InlineData("llama2")]
    public void Decode_OfEncode_IsTheText(string name)
    {
        var tokenizer = Tokenizer.Load(SharedData.Require($"data/tokenizers/{name}"));
        var random = new Random(2);
        for (var i = 0; i < 300; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(20)).Select(_ => random.Next(4) switch
            {
                0 => new System.Text.Rune(random.Next(0x10000, 0x10ffff)).ToString(),
                1 => ((char)random.Next(0x20, 0xd800)).ToString(),
                2 => " \n\t"[random.Next(3)].ToString(),
                _ => ((char)random.Next('a', 'z')).ToString(),
            }));
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [Theory]
    [InlineData("1 'a' 2", "line 1 has 1 bytes and claims 2")]
    [InlineData("1 'a 1", "line 1 has a broken literal")]
    [InlineData("1 '\\q' 1", "line 1 has a broken literal")]
    [InlineData("x 'a' 1", "line 1 is not an id")]
    [InlineData("1 'a' 1\n1 'b' 1", "line 2 repeats id 1")]
    [InlineData("1 'a' 1", "only 1 of the 256 bytes")]
    public void DamagedWorldVocabulary_IsRefusedByLine(string text, string words)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("rwkv_vocab.txt"), text);
        Assert.Contains(words, Assert.Throws<CheckpointException>(() => Tokenizer.Load(folder.Path)).Message);
    }

    [Theory]
    [InlineData("babyllama105-hf", "tokenizer.model")]
    [InlineData("aidreams260k-hf", "tokenizer.model")]
    [InlineData("aidreams260k-hf", "tokenizer.json")]
    public void EncodeAndDecode_RealModel_GivesItsExpectedIdsAndTexts(string model, string file)
    {
        var source = SharedData.Require($"data/weights/{model}");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(source, file), folder.File(file));
        var tokenizer = Tokenizer.Load(folder.Path);
        var expected = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "expected.json")))!;
        Assert.All(expected["tokens"]!.AsArray(), item =>
            Assert.Equal(Ids(item!["ids"]!), tokenizer.Encode(item["text"]!.GetValue<string>(), addBegin: false)));
        Assert.All(expected["cases"]!.AsArray(), item =>
        {
            Assert.Equal(Ids(item!["prompt"]!), tokenizer.Encode(item["text"]!.GetValue<string>()));
            Assert.Equal(item["output"]!.GetValue<string>(), tokenizer.Decode(Ids(item["ids"]!)));
        });
    }

    [Fact]
    public void Encode_JsonAndModelOfOneTokenizer_AgreeOnRandomTexts()
    {
        var source = SharedData.Require("data/weights/aidreams260k-hf");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(source, "tokenizer.json"), folder.File("tokenizer.json"));
        var (json, model) = (Tokenizer.Load(folder.Path), Tokenizer.Load(source));
        var random = new Random(1);
        const string alphabet = "aaeeinst  \n.é日";
        for (var i = 0; i < 500; i++)
        {
            var text = string.Concat(
                Enumerable.Range(0, random.Next(30)).Select(_ => alphabet[random.Next(alphabet.Length)]));
            Assert.Equal(model.Encode(text), json.Encode(text));
            Assert.Equal(text, json.Decode(json.Encode(text)));
        }
    }

    [Theory]
    [InlineData("\0")]
    [InlineData("😀😀")]
    [InlineData("<0x41><s>")]
    public void Decode_UnusualText_ComesBack(string text)
    {
        var tokenizer = Tokenizer.Load(SharedData.Require("data/tokenizers/llama2"));
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void Encode_UnpairedSurrogate_CountsAsTheReplacementCharacter()
    {
        var tokenizer = Tokenizer.Load(SharedData.Require("data/tokenizers/llama2"));
        Assert.Equal(tokenizer.Encode("a\uFFFDb"), tokenizer.Encode("a" + '\uD800' + "b"));
    }

    [Fact]
    public void Decode_IdOutsideVocabulary_Throws()
    {
        var tokenizer = Tokenizer.Load(SharedData.Require("data/tokenizers/llama2"));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([32000]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
    }

    [Fact]
    public void Load_FolderWithoutTokenizer_SaysWhatItLooksFor()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("neither tokenizer.model nor tokenizer.json", Message(folder));
    }

    [Theory]
    [InlineData("tokenizer.model", "not protobuf at all", "not a SentencePiece model")]
    [InlineData("tokenizer.model", "", "another kind than BPE")]
    [InlineData("tokenizer.json", "{", "not a tokenizer in Hugging Face's format")]
    [InlineData("tokenizer.json", "{}", "not a tokenizer in Hugging Face's format")]
    [InlineData("tokenizer.json", """{"model":{"type":"Unigram"}}""", "a model of type Unigram")]
    [InlineData(
        "tokenizer.json",
        """{"model":{"type":"BPE"},"pre_tokenizer":{"type":"ByteLevel"}}""",
        "a pre-tokenizer of type ByteLevel")]
    [InlineData(
        "tokenizer.json",
        """{"model":{"type":"BPE","vocab":{"<unk>":0},"merges":[],"unk_token":"<unk>"}"""
        + ""","added_tokens":[],"normalizer":{"type":"NFKC"}}""",
        "the normalizer {\"type\":\"NFKC\"}")]
    public void Load_FileItCannotUse_SaysWhy(string file, string content, string expected)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File(file), content);
        Assert.Contains(expected, Message(folder));
    }

    private static string Message(TemporaryFolder folder) =>
        Assert.Throws<CheckpointException>(() => Tokenizer.Load(folder.Path)).Message;

    private static int[] Ids(JsonNode node) => [.. node.AsArray().Select(id => id!.GetValue<int>())];
}
