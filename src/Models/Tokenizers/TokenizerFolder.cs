using System.Text.Json;

namespace Marrow.Tokenizers;

/// <summary>An added token: text that is one id wherever it stands.</summary>
internal sealed record AddedToken(int Id, string Content, bool IsSpecial, bool StripsLeft, bool StripsRight);

/// <summary>
/// What the files beside a tokenizer say about it: which tokens begin, end and fill up a text, and which were added.
/// tokenizer_config.json comes before special_tokens_map.json; generation_config.json and config.json know ids.
/// </summary>
internal sealed class TokenizerFolder
{
    private static readonly string[] UsualBegins = ["<s>", "<bos>", "<|begin_of_text|>", "<|endoftext|>"];
    private static readonly string[] UsualEnds =
        ["</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>"];

    private readonly string path;
    private readonly JsonElement configuration, map, generation, model, added;

    private TokenizerFolder(string path) => (this.path, configuration, map, generation, model, added) = (
        path,
        Object(path, "tokenizer_config.json"),
        Object(path, "special_tokens_map.json"),
        Object(path, "generation_config.json"),
        Object(path, "config.json"),
        Object(path, "added_tokens.json"));

    /// <summary>Which class of transformers the tokenizer is written for, if it is said.</summary>
    public string? Class => Get(configuration, "tokenizer_class") is { ValueKind: JsonValueKind.String } name
        ? name.GetString()
        : null;

    /// <exception cref="CheckpointException">A file is no JSON object, or cannot be read.</exception>
    public static TokenizerFolder Read(string path) => new(path);

    /// <summary>A switch of tokenizer_config.json.</summary>
    public bool Flag(string name, bool otherwise) => Get(configuration, name)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => otherwise,
    };

    /// <summary>The text of a token such as <c>bos_token</c>; null if no file names it.</summary>
    public string? Token(string role) => Content(Get(configuration, role)) ?? Content(Get(map, role));

    /// <summary>The special tokens.</summary>
    /// <param name="idOf">Gives a token's id.</param>
    /// <param name="usualEnd">What ends a text if no file says so; if null, the first usual token there is.</param>
    /// <exception cref="CheckpointException">Nothing says which token ends a text.</exception>
    public SpecialTokens Special(Func<string, int?> idOf, int? usualEnd = null)
    {
        int? Named(string role) => Token(role) is not { } token ? null
            : idOf(token) ?? throw new CheckpointException(
                path,
                $"its {role} {CheckpointException.Quote(token)} is not in its vocabulary",
                "fetch the tokenizer's files again, all from one model");
        IEnumerable<int> Listed(string name) => Ids(Get(generation, name)).Concat(Ids(Get(model, name)));
        int? First(string[] usual) => usual.Select(idOf).FirstOrDefault(id => id is not null);

        // A tokenizer_config.json without bos_token says that texts begin without one.
        var begin = Named("bos_token") ?? (configuration.ValueKind == JsonValueKind.Object ? null
            : Listed("bos_token_id").Select(id => (int?)id).FirstOrDefault() ?? First(UsualBegins));
        var end = Named("eos_token") ?? Listed("eos_token_id").Select(id => (int?)id).FirstOrDefault()
            ?? usualEnd ?? First(UsualEnds) ?? throw new CheckpointException(
                path,
                "nothing says which token ends a text",
                "add a tokenizer_config.json with its eos_token");
        return new(begin, end, [.. Ids(Get(generation, "eos_token_id")).Prepend(end).Distinct()], Named("pad_token"));
    }

    /// <summary>
    /// The tokens that added_tokens.json, tokenizer_config.json and special_tokens_map.json add, by id.
    /// </summary>
    /// <param name="idOf">Gives the id that a token has in the vocabulary itself.</param>
    public IReadOnlyList<AddedToken> Added(Func<string, int?> idOf)
    {
        var tokens = new Dictionary<string, AddedToken>();
        foreach (var entry in Properties(added))
        {
            if (entry.Value.ValueKind == JsonValueKind.Number && entry.Value.TryGetInt32(out var id) && id >= 0)
            {
                tokens[entry.Name] = new(id, entry.Name, IsSpecial: false, false, false);
            }
        }

        foreach (var entry in Properties(Get(configuration, "added_tokens_decoder") ?? default))
        {
            if (int.TryParse(entry.Name, out var id) && id >= 0 && Content(entry.Value) is { } content)
            {
                tokens[content] = new(
                    id, content, IsTrue(entry.Value, "special"), IsTrue(entry.Value, "lstrip"),
                    IsTrue(entry.Value, "rstrip"));
            }
        }

        foreach (var token in Properties(map).Concat(Properties(configuration)).SelectMany(SpecialContents))
        {
            if (tokens.TryGetValue(token, out var known))
            {
                tokens[token] = known with { IsSpecial = true };
            }
            else if (idOf(token) is { } id)
            {
                tokens[token] = new(id, token, IsSpecial: true, false, false);
            }
        }

        return [.. tokens.Values.OrderBy(token => token.Id)];
    }

    private static IEnumerable<string> SpecialContents(JsonProperty entry) =>
        entry.Name == "additional_special_tokens" && entry.Value.ValueKind == JsonValueKind.Array
            ? entry.Value.EnumerateArray().Select(item => Content(item)).OfType<string>()
            : entry.Name.EndsWith("_token", StringComparison.Ordinal) && Content(entry.Value) is { } token ? [token]
            : [];

    /// <summary>A token is written as its text or as an object with its content.</summary>
    private static string? Content(JsonElement? token) => token switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Object } item => Content(Get(item, "content")),
        _ => null,
    };

    private static bool IsTrue(JsonElement item, string name) => Get(item, name)?.ValueKind == JsonValueKind.True;

    private static IEnumerable<int> Ids(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.Number } id when id.TryGetInt32(out var number) && number >= 0 => [number],
        { ValueKind: JsonValueKind.Array } all => all.EnumerateArray().SelectMany(item => Ids(item)),
        _ => [],
    };

    private static JsonElement? Get(JsonElement item, string name) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(name, out var value) ? value : null;

    private static IEnumerable<JsonProperty> Properties(JsonElement item) =>
        item.ValueKind == JsonValueKind.Object ? item.EnumerateObject() : [];

    private static JsonElement Object(string folder, string name)
    {
        var file = Path.Combine(folder, name);
        if (!File.Exists(file))
        {
            return default;
        }

        var root = TokenizerJson.Parse(file);
        return root.ValueKind == JsonValueKind.Object
            ? root
            : throw new CheckpointException(file, "it is not a JSON object", "fetch it again");
    }
}

/// <summary>The ids that begin, end and fill up texts.</summary>
internal sealed record SpecialTokens(int? Begin, int End, IReadOnlyList<int> Ends, int? Pad)
{
    public bool Holds(int id) => id == Begin || id == End || id == Pad || Ends.Contains(id);
}
