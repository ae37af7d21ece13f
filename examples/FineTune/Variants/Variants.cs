using Marrow.Language;
using Marrow.Models;
using static TorchSharp.torch;

namespace Marrow.Examples.FineTune;

/// <summary>
/// The annotated classes: for each method one on each architecture. They are what <c>AddAdapter</c> makes of a plain
/// model with the method's attribute, bit for bit; here the compiler has seen them.
/// </summary>
internal static class Variants
{
    private static readonly Dictionary<string, Classes> ByMethod = new()
    {
        ["full"] = new(
            (sizes, _) => new DecoderFull(sizes),
            (sizes, _) => new Gpt2Full(sizes),
            (sizes, _) => new Rwkv6Full(sizes)),
        ["lora"] = new(
            (sizes, size) => new DecoderLora(sizes, size.Rank),
            (sizes, size) => new Gpt2Lora(sizes, size.Rank),
            (sizes, size) => new Rwkv6Lora(sizes, size.Rank)),
        ["lora+"] = new(
            (sizes, size) => new DecoderLoraPlus(sizes, size.Rank),
            (sizes, size) => new Gpt2LoraPlus(sizes, size.Rank),
            (sizes, size) => new Rwkv6LoraPlus(sizes, size.Rank)),
        ["pissa"] = new(
            (sizes, size) => new DecoderPissa(sizes, size.Rank),
            (sizes, size) => new Gpt2Pissa(sizes, size.Rank),
            (sizes, size) => new Rwkv6Pissa(sizes, size.Rank)),
        ["olora"] = new(
            (sizes, size) => new DecoderOlora(sizes, size.Rank),
            (sizes, size) => new Gpt2Olora(sizes, size.Rank),
            (sizes, size) => new Rwkv6Olora(sizes, size.Rank)),
        ["lora-ga"] = new(
            (sizes, size) => new DecoderLoraGa(sizes, size.Rank),
            (sizes, size) => new Gpt2LoraGa(sizes, size.Rank),
            (sizes, size) => new Rwkv6LoraGa(sizes, size.Rank)),
        ["dora"] = new(
            (sizes, size) => new DecoderDora(sizes, size.Rank),
            (sizes, size) => new Gpt2Dora(sizes, size.Rank),
            (sizes, size) => new Rwkv6Dora(sizes, size.Rank)),
        ["bone-row"] = new(
            (sizes, size) => new DecoderBoneRow(sizes, size.Block),
            (sizes, size) => new Gpt2BoneRow(sizes, size.Block),
            (sizes, size) => new Rwkv6BoneRow(sizes, size.Block)),
        ["bone-column"] = new(
            (sizes, size) => new DecoderBoneColumn(sizes, size.Block),
            (sizes, size) => new Gpt2BoneColumn(sizes, size.Block),
            (sizes, size) => new Rwkv6BoneColumn(sizes, size.Block)),
        ["bone-free"] = new(
            (sizes, size) => new DecoderBoneFree(sizes, size.Block),
            (sizes, size) => new Gpt2BoneFree(sizes, size.Block),
            (sizes, size) => new Rwkv6BoneFree(sizes, size.Block)),
    };

    /// <summary>Refuses a method that does not fit a base, before anything takes time.</summary>
    /// <exception cref="UserException">It does not fit.</exception>
    public static void RequireFit(BaseModel from, FineTuningMethod method, AdapterSize size) =>
        Build(from, method, size, ScalarType.Float32).Dispose();

    /// <summary>
    /// A fresh model of a method: built as shapes only, then given the base's weights, so that nothing is initialized
    /// twice. The seed decides the adapters' starting values.
    /// </summary>
    /// <exception cref="UserException">The method does not fit the base.</exception>
    public static ICausalModel Create(
        BaseModel from, FineTuningMethod method, AdapterSize size, int seed, Device device, ScalarType type)
    {
        manual_seed(seed);
        var model = Build(from, method, size, type);
        model.LoadPretrained(from.Path, device);
        return model;
    }

    private static ICausalModel Build(BaseModel from, FineTuningMethod method, AdapterSize size, ScalarType type)
    {
        using var shapes = Construction.On(META, type);
        try
        {
            var classes = ByMethod[method.Name];
            return from.Architecture switch
            {
                nameof(Rwkv6) => classes.Rwkv6(Rwkv6Sizes.Read(from.Path), size),
                nameof(Gpt2) => classes.Gpt2(Gpt2Sizes.Read(from.Path), size),
                _ => classes.Decoder(DecoderSizes.Read(from.Path), size),
            };
        }
        catch (ArgumentException fault)
        {
            throw new UserException($"{method.Name} does not fit this base: {fault.Message}", fault);
        }
    }

    private sealed record Classes(
        Func<DecoderSizes, AdapterSize, ICausalModel> Decoder,
        Func<Gpt2Sizes, AdapterSize, ICausalModel> Gpt2,
        Func<Rwkv6Sizes, AdapterSize, ICausalModel> Rwkv6);
}
