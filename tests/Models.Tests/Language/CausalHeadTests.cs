using Marrow.Language;
using Marrow.Models;
using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Language;

/// <summary>
/// The loss by parts of the tokens is that of all logits, in value and gradients; in float64, so that nothing but the
/// formula is compared.
/// </summary>
public class CausalHeadTests
{
    private const int Vocabulary = 50, Width = 24;

    public static TheoryData<string> Models =>
        ["tied", "apart", "soft-capped", "LoRA, with the head", "frozen head", "GPT-2", "RWKV-6"];

    [Theory, MemberData(nameof(Models))]
    public void ByParts_IsTheLossOfAllLogits(string name)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var module = (nn.Module)Build(name);
        module.eval(); // without dropout
        var (ids, labels) = (randint(Vocabulary, [3, 7], dtype: int64), randint(Vocabulary, [3, 7], dtype: int64));
        labels[0] = TextBatches.Ignored; // the first parts have nothing to learn
        var (whole, ofWhole) = Gradients(module, ids, labels, 14, long.MaxValue);
        foreach (var tokens in (long[])[1, 4, 20])
        {
            var (loss, gradients) = Gradients(module, ids, labels, 14, (tokens * Vocabulary) + 1);
            Assert.Equal(whole, loss, 1e-12);
            Assert.Equal(ofWhole.Keys, gradients.Keys);
            Assert.All(gradients, pair => Assert.True(pair.Value.allclose(ofWhole[pair.Key], 1e-9, 1e-12), pair.Key));
            using var noGrad = no_grad();
            Assert.Equal(
                whole, CausalHead.Loss((ICausalModel)module, ids, labels, -100, 14, tokens * Vocabulary).item<double>(),
                1e-12);
        }
    }

    [Fact]
    public void NoMoreLogitsThanAsked_AreMade()
    {
        using var scope = NewDisposeScope();
        using var model = (Decoder)Build("apart");
        var seen = new List<long>();
        model.LmHead.register_forward_hook((_, _, y) =>
        {
            seen.Add(y.numel());
            return y;
        });
        var ids = randint(Vocabulary, [2, 9], dtype: int64);
        CausalHead.Loss(model, ids, ids, -100, 18, 4 * Vocabulary).backward();
        Assert.Equal([200, 200, 200, 200, 100], seen);
    }

    [Fact]
    public void NothingToLearn_IsZero_WithGradients()
    {
        using var scope = NewDisposeScope();
        using var model = (Decoder)Build("apart");
        var ids = randint(Vocabulary, [2, 9], dtype: int64);
        var loss = CausalHead.Loss(model, ids, full_like(ids, -100), -100, 0, Vocabulary);
        loss.backward();
        Assert.Equal(0, loss.item<double>());
        Assert.All(model.parameters(), parameter => Assert.Equal(0, parameter.grad!.abs().max().item<double>()));
    }

    [Fact]
    public void AfterTheLoss_TheModelGivesLogits()
    {
        using var scope = NewDisposeScope();
        using var model = (Decoder)Build("apart");
        var ids = randint(Vocabulary, [2, 9], dtype: int64);
        Assert.ThrowsAny<Exception>(() =>
            CausalHead.Loss(model, ids.narrow(1, 0, 4), ids, -100, 8)); // of other shapes
        Assert.Equal([2, 9, Vocabulary], model.call(ids).shape);
    }

    private static (double Loss, Dictionary<string, Tensor> Gradients) Gradients(
        nn.Module module, Tensor ids, Tensor labels, long learned, long logits)
    {
        module.zero_grad();
        var loss = CausalHead.Loss((ICausalModel)module, ids, labels, TextBatches.Ignored, learned, logits);
        (loss * 3).backward(); // what comes back need not be 1
        return (loss.item<double>(), module.named_parameters()
            .Where(pair => pair.parameter.grad is not null)
            .ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone()));
    }

    private static ICausalModel Build(string name)
    {
        using var on = Construction.On(dtype: float64);
        var sizes = new DecoderSizes(Vocabulary, Width, 20, 1, 3, 1, Tied: name == "tied");
        ICausalModel model = name switch
        {
            "soft-capped" => new Decoder(sizes with { LogitSoftCap = 2 }),
            "LoRA, with the head" => new LoraDecoder(sizes),
            "GPT-2" => new Gpt2(new Gpt2Sizes(Vocabulary, Width, 1, 3)),
            "RWKV-6" => new Marrow.Models.Rwkv6(Vocabulary, Width, 20, 1, headSize: 8, mixRank: 2, decayRank: 2),
            _ => new Decoder(sizes),
        };
        foreach (var parameter in model.AdapterParameters())
        {
            nn.init.normal_(parameter, 0, 0.1);
        }

        if (name == "frozen head")
        {
            ((Decoder)model).LmHead.Weight.requires_grad = false;
            ((Decoder)model).Norm.Weight.requires_grad = false;
        }

        return model;
    }
}

/// <summary>Every layer is adapted, the head too.</summary>
[Lora(Rank = 2, Targets = "*_proj|lm_head")]
public partial class LoraDecoder(DecoderSizes sizes) : Decoder(sizes);
