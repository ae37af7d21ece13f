using Xunit;
using static TorchSharp.torch;

namespace Marrow.Tests.Adapters;

[Lora(Rank = 2, LearningRateRatio = 16)]
public partial class DecoderLoraPlus() : PlainDecoder(11, 8, 3);

[Lora(Rank = 2, Alpha = 3, Init = LoraInit.LoraGa, Exclude = "*.v_proj")]
public partial class DecoderLoraGa() : PlainDecoder(11, 8, 3);

[Lora(Rank = 2, Init = LoraInit.Pissa, Iterations = 3)]
public partial class DecoderFastPissa() : PlainDecoder(11, 8, 3);

[Dora(Rank = 2, Dropout = 0.5)]
public partial class DecoderDoraDropout() : PlainDecoder(11, 8, 3);

/// <summary>A network with what a class may mark for adapters.</summary>
[Model]
public partial class MarkedNet(int width)
{
    [Linear(nameof(width), nameof(width))] public partial Linear First { get; }

    [Train, Linear(nameof(width), nameof(width))] public partial Linear Middle { get; }

    [RmsNorm(nameof(width))] public partial RmsNorm Norm { get; }

    [Parameter(nameof(width))] public partial Tensor Shift { get; }

    [Head, Linear(nameof(width), 3)] public partial Linear Score { get; }

    [Forward]
    private Tensor Network(Tensor x) => Score.call(Norm.call(Middle.call(First.call(x)).tanh()) + Shift);
}

[Lora(Rank = 2, Train = "score|norm|shift", Bias = AdapterBias.All)]
public partial class MarkedLora() : MarkedNet(8);

/// <summary>Adapters that a plain model gets at run time are those of a class with the same attributes.</summary>
public sealed class AddedAdapterTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Tensor ids = tensor(new long[] { 1, 5, 3, 10 });

    public static TheoryData<string> Variants =>
    [
        .. LoadedAdapterTests.Variants.Select(row => row.Data),
        nameof(DecoderLoraPlus), nameof(DecoderLoraGa), nameof(DecoderFastPissa), nameof(DecoderDoraDropout),
    ];

    public void Dispose()
    {
        ids.Dispose();
        folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Start_AndTrain_AsTheCompiledClass_BitForBit(string variant)
    {
        using var scope = NewDisposeScope();
        var type = Type.GetType($"Marrow.Tests.Adapters.{variant}")!;
        using (var any = new PlainDecoder(11, 8, 3))
        {
            any.SavePretrained(At("base"));
        }

        using var compiled = Loaded(() => (PlainDecoder)Activator.CreateInstance(type)!);
        using var plain = Loaded(() => new PlainDecoder(11, 8, 3));
        manual_seed(5);
        plain.AddAdapter(Attributes(type));
        RequireEqual(compiled, plain);

        // On the meta device too, with the weights afterwards.
        using var early = Loaded(() =>
        {
            var model = new PlainDecoder(11, 8, 3);
            model.AddAdapter(Attributes(type));
            return model;
        });
        RequireEqual(compiled, early);

        foreach (var model in new[] { compiled, plain })
        {
            manual_seed(6);
            if (variant == nameof(DecoderLoraGa))
            {
                model.StartLoraGa(2, _ => model.call(ids).square().mean());
            }

            var optimizer = optim.AdamW(model.AdapterParameters().Groups(learningRate: 1e-2));
            for (var step = 0; step < 3; step++)
            {
                optimizer.zero_grad();
                model.call(ids).square().mean().backward();
                optimizer.step();
            }

            model.SaveAdapter(At(model == plain ? "plain" : "compiled"));
        }

        RequireEqual(compiled, plain);
        Assert.Equal(
            File.ReadAllText(Path.Combine(At("compiled"), "adapter_config.json")),
            File.ReadAllText(Path.Combine(At("plain"), "adapter_config.json")));
    }

    [Fact]
    public void WhatIsTrainedBesideThem_IsWhatTheClassSays()
    {
        using var compiled = new MarkedLora();
        using var plain = new MarkedNet(8);
        plain.AddAdapter(Attributes(typeof(MarkedLora)));
        Assert.Equal(Trained(compiled), Trained(plain));
        Assert.Contains("middle.weight", Trained(plain));
        Assert.Contains("shift", Trained(plain));

        static IEnumerable<string> Trained(MarkedNet model) =>
            model.named_parameters().Where(pair => pair.parameter.requires_grad).Select(pair => pair.name);
    }

    public static TheoryData<AdapterAttribute, string> Wrong => new()
    {
        { new BoneAttribute { BlockSize = 3 }, "[Bone] BlockSize 3 does not divide the 8 input features of layer "
            + "'model.layers.0.self_attn.q_proj'; nearest sizes that divide both: 2 and 4" },
        { new BoneAttribute { BlockSize = "width" }, "[Bone] BlockSize is the expression \"width\", which only a" },
        { new BoneAttribute { BlockSize = 0.5 }, "[Bone] BlockSize 0.5 is not a whole number." },
        { new BoneAttribute { Form = BoneForm.Mini }, "[Bone] Form Mini needs MiniRank." },
        { new BoneAttribute { BlockSize = 4, Dropout = 0.1 }, "[Bone] Form Row has no Dropout; Free and Mini have." },
        { new BoneAttribute { BlockSize = 4, MiniRank = 2 }, "[Bone] Form Row has no MiniRank; only Mini has." },
        { new LoraAttribute { Rank = 9 }, "[Lora] Rank 9 at layer 'model.layers.0.self_attn.q_proj' is not in 1 to 8" },
        { new LoraAttribute { Rank = 5, Init = LoraInit.LoraGa }, "is not in 1 to 4, half the smaller" },
        { new LoraAttribute { Rank = 2, Iterations = 2 }, "[Lora] Init Kaiming has no Iterations; only Pissa has." },
        { new LoraAttribute { Alpha = -1 }, "[Lora] Alpha -1 is not positive." },
        { new DoraAttribute { Dropout = 1.0 }, "[Dora] Dropout 1 is not in 0 to 1 (1 excluded)." },
        { new DoraAttribute { LearningRateRatio = 0 }, "[Dora] LearningRateRatio 0 is not positive." },
        { new LoraAttribute { Targets = "*.q_porj" }, "[Lora] Targets '*.q_porj' matches no layer that can be adapted "
            + "of 'PlainDecoder'; did you mean '*.q_proj'?" },
        { new LoraAttribute { Exclude = "head" }, "[Lora] Exclude 'head' matches no layer that can be adapted" },
        { new LoraAttribute { Train = "*.nrom" }, "[Lora] Train '*.nrom' matches no layer of 'PlainDecoder'" },
        { new LoraAttribute { Exclude = "*_proj" }, "[Lora] on 'PlainDecoder' changes nothing: no linear layer" },
        { new DoraAttribute { Targets = "*.embed_tokens" }, "matches no layer that can be adapted" },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void WhatDoesNotFit_IsNamed_AndTheModelStaysAsItWas(AdapterAttribute attribute, string expected)
    {
        using var scope = NewDisposeScope();
        using var model = new PlainDecoder(11, 8, 3);
        var y = model.call(ids);
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => model.AddAdapter(attribute)).Message);
        Assert.True(model.call(ids).equal(y).all().item<bool>());
        Assert.All(model.parameters(), value => Assert.True(value.requires_grad));
    }

    [Fact]
    public void TwoForOneLayer_OneOnASharedWeight_AndOneOnAdapters_AreRefused()
    {
        using var model = new PlainDecoder(11, 8, 3);
        Assert.Contains("Two class-level adapters target layer 'model.layers.0.self_attn.q_proj'", Assert.Throws<
            ArgumentException>(() => model.AddAdapter(
                new LoraAttribute { Rank = 2 }, new BoneAttribute { BlockSize = 4 })).Message);
        using var tied = new TiedDecoder();
        Assert.Contains("'embed_tokens' cannot be adapted: layer 'lm_head' shares its weight", Assert.Throws<
            ArgumentException>(() => tied.AddAdapter(
                new LoraAttribute { Rank = 2, Targets = "embed_tokens" })).Message);
        model.AddAdapter(new LoraAttribute { Rank = 2 });
        Assert.Contains("has adapters already", Assert.Throws<InvalidOperationException>(
            () => model.AddAdapter(new LoraAttribute())).Message);
    }

    private static AdapterAttribute[] Attributes(Type type) =>
        [.. type.GetCustomAttributes(typeof(AdapterAttribute), inherit: false).Cast<AdapterAttribute>()];

    private static void RequireEqual(PlainDecoder expected, PlainDecoder actual) => Assert.All(
        expected.named_parameters().Zip(actual.named_parameters()),
        pair =>
        {
            Assert.Equal(pair.First.name, pair.Second.name);
            Assert.Equal(pair.First.parameter.requires_grad, pair.Second.parameter.requires_grad);
            Assert.True(pair.First.parameter.equal(pair.Second.parameter).all().item<bool>(), pair.First.name);
        });

    private string At(string name) => Path.Combine(folder.Path, name);

    private PlainDecoder Loaded(Func<PlainDecoder> create)
    {
        using var shapes = Construction.On(META);
        var model = create();
        manual_seed(5);
        model.LoadPretrained(At("base"));
        return model;
    }
}
