using System.Text.Json;
using Marrow.Models;

namespace Marrow.Examples.Chat;

/// <summary>Which annotated class an adapter belongs to.</summary>
/// <param name="OnLlama">Makes it on LLaMA.</param>
/// <param name="OnRwkv6">Makes it on RWKV-6.</param>
internal sealed record AdapterKind(Func<LlamaSizes, ICausalModel> OnLlama, Func<Rwkv6Sizes, ICausalModel> OnRwkv6)
{
    /// <summary>The base alone.</summary>
    public static AdapterKind None { get; } = new(sizes => new LlamaBase(sizes), sizes => new Rwkv6Base(sizes));

    /// <summary>Reads an adapter's configuration.</summary>
    public static AdapterKind Read(string directory)
    {
        var file = Path.Combine(directory, "adapter_config.json");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(file));
            var config = json.RootElement;
            var rank = config.GetProperty("r").GetInt32();
            return config.GetProperty("peft_type").GetString() switch
            {
                "LORA" => Lora(config, rank),
                "MISS" or "BONE" => Text(config, "init_weights") switch
                {
                    "bat" => new(sizes => new LlamaBoneRow(sizes, rank), sizes => new Rwkv6BoneRow(sizes, rank)),
                    "mini" when config.GetProperty("mini_r").GetInt32() is var mini => new(sizes =>
                        new LlamaBoneMini(sizes, rank, mini), sizes => new Rwkv6BoneMini(sizes, rank, mini)),
                    _ => new(sizes => new LlamaBoneFree(sizes, rank), sizes => new Rwkv6BoneFree(sizes, rank)),
                },
                "MARROW_BONE_COLUMN" =>
                    new(sizes => new LlamaBoneColumn(sizes, rank), sizes => new Rwkv6BoneColumn(sizes, rank)),
                var other => throw new UserException(
                    $"{file}: adapters of type {other} are not known; LORA, MISS and BONE are."),
            };
        }
        catch (Exception fault) when (
            fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserException(
                $"{file}: it is no adapter configuration ({fault.Message.TrimEnd('.')}); name a folder that PEFT or "
                + "SaveAdapter wrote.",
                fault);
        }
    }

    private static AdapterKind Lora(JsonElement config, int rank)
    {
        var alpha = config.GetProperty("lora_alpha").GetDouble();
        var modules = config.GetProperty("target_modules").EnumerateArray()
            .Select(module => module.GetString()!.Split('.')[^1])
            .ToHashSet();
        return (Flag(config, "use_dora"), Flag(config, "use_rslora"), Text(config, "init_lora_weights")) switch
        {
            (true, _, _) => new(sizes => new LlamaDora(sizes, rank, alpha), sizes => new Rwkv6Dora(sizes, rank, alpha)),
            (_, true, _) => new(sizes => new LlamaStabilizedLora(sizes, rank, alpha), sizes =>
                new Rwkv6StabilizedLora(sizes, rank, alpha)),
            (_, _, "pissa") => new(sizes => new LlamaPissa(sizes, rank, alpha), sizes =>
                new Rwkv6Pissa(sizes, rank, alpha)),
            (_, _, "olora") => new(sizes => new LlamaOlora(sizes, rank, alpha), sizes =>
                new Rwkv6Olora(sizes, rank, alpha)),
            _ when modules.SetEquals(["q_proj", "v_proj"]) =>
                new(sizes => new LlamaAttentionLora(sizes, rank, alpha), sizes => new Rwkv6Lora(sizes, rank, alpha)),
            _ => new(sizes => new LlamaLora(sizes, rank, alpha), sizes => new Rwkv6Lora(sizes, rank, alpha)),
        };
    }

    private static bool Flag(JsonElement config, string name) =>
        config.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    private static string? Text(JsonElement config, string name) =>
        config.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
