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
        Assert.Equal((32000, (int?)1, 2), (tokenizer.VocabularySize, tokenizer.BeginId, tokenizer.EndId));
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
        Assert.Equal((size, end), (tokenizer.VocabularySize, tokenizer.EndId));
        var cases = File.ReadLines(Path.Combine(folder, "cases.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(40, cases.Count);
        Assert.All(cases, item =>
        {
            var (text, ids) = (item["text"]!.GetValue<string>(), Ids(item["ids"]!));
            Assert.Equal(ids, tokenizer.Encode(text, addBegin: false));
            Assert.Equal(ids, tokenizer.Encode(text)); // these put nothing around a text
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
        File.Copy(Path.Combine(source, "tokenizer.model"), folder.File("tokenizer.model"));
        var (json, model) = (Tokenizer.Load(source), Tokenizer.Load(folder.Path));
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

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public void SentencePiece_AddedTokensOfTheFilesBeside_AreFoundInATextAndCountAsSpecial(string legacy)
    {
        var source = SharedData.Require("data/tokenizers/llama2");
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(source, "tokenizer.model"), folder.File("tokenizer.model"));
        File.WriteAllText(folder.File("added_tokens.json"), """{"<tool>":32001}""");
        File.WriteAllText(folder.File("special_tokens_map.json"), """{"pad_token":"<unk>"}""");
        File.WriteAllText(folder.File("tokenizer_config.json"), $$"""
            {"legacy":{{legacy}},"add_eos_token":true,"bos_token":"<s>","eos_token":"<|im_end|>",
            "added_tokens_decoder":{"1":{"content":"<s>","special":true},
            "32000":{"content":"<|im_end|>","special":true,"lstrip":false,"rstrip":true}
            }
            }
            """);
        var (tokenizer, plain) = (Tokenizer.Load(folder.Path), Tokenizer.Load(source));
        Assert.Equal((32000, (int?)0, 32002), (tokenizer.EndId, tokenizer.PadId, tokenizer.VocabularySize));
        int[] Words(string text) => plain.Encode(text, addBegin: false);
        // Without "legacy" only a text's very beginning gets a space.
        int[] rest = legacy == "true" ? Words("hi") : [2918];
        Assert.Equal(
            [1, .. Words("so"), 32001, .. rest, 32000, .. rest, 32000], tokenizer.Encode("so<tool>hi<|im_end|>  hi"));
        Assert.Equal([1, .. rest], tokenizer.Encode("<s>hi", addBegin: false));
        Assert.Equal("so<tool>", tokenizer.Decode([1, .. Words("so"), 32001, 32000, 31999 + 50]));
        Assert.Equal("<s> so<tool><|im_end|>", tokenizer.Decode([1, .. Words("so"), 32001, 32000], keepSpecial: true));
    }

    [Fact]
    public void Encode_UnpairedSurrogate_CountsAsTheReplacementCharacter()
    {
        var tokenizer = Tokenizer.Load(SharedData.Require("data/tokenizers/llama2"));
        Assert.Equal(tokenizer.Encode("a\uFFFDb"), tokenizer.Encode("a" + '\uD800' + "b"));
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("rwkv_world")]
    [InlineData("llama2")]
    [InlineData("qwen3")]
    public void Decode_IdOfAPaddedVocabulary_HasNoText(string name)
    {
        var tokenizer = Tokenizer.Load(SharedData.Require($"data/tokenizers/{name}"));
        var (a, size) = (tokenizer.Encode("a", addBegin: false), tokenizer.VocabularySize);
        Assert.Equal(tokenizer.Decode([.. a, .. a]), tokenizer.Decode([.. a, size, int.MaxValue, .. a, size + 7]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
    }

    [Fact]
    public void Load_FolderWithoutTokenizer_SaysWhatItLooksFor()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("neither tokenizer.json nor tokenizer.model", Message(folder));
    }

    [Theory]
    [InlineData("tokenizer.model", "not protobuf at all", "not a SentencePiece model")]
    [InlineData("tokenizer.model", "", "another kind than BPE")]
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
